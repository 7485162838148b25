"""Turkmen text of our own, split into sentences by hand.

Each entry is one paragraph as its sentences; the paragraph is their join by a space, or by a line end where
the next one is an item or a reply on a line of its own (``LINES``).
"""

from __future__ import annotations

PARAGRAPHS = [
    # Plain prose.
    ["Daň atdy.", "Guşlar saýrap başlady.", "Obanyň üstünde ýuka ümür asyldy."],
    [
        "Aşgabatda täze kitaphana açyldy.",
        "Onda ýüz müňden gowrak kitap bar.",
        "Okyjylar irden gelip başlady.",
    ],
    ["Gyş bu ýyl sowuk geldi!", "Garyň galyňlygy dyza ýetdi.", "Çagalar muňa gaty begendi."],
    ["Sen nirede ýaşaýarsyň?", "Men Marynyň golaýynda ýaşaýaryn.", "Bizde pagta ýygymy gyzgalaňly barýar."],
    # Dates and ordinals.
    [
        "Bäsleşik 2024-nji ýylyň 5-nji maýynda geçirildi.",
        "2023-nji ýylda bolsa oňa diňe üç topar gatnaşypdy.",
        "Indiki tapgyr 12-nji iýunda başlanar.",
    ],
    [
        "Mekdep 1987-nji ýylda guruldy.",
        "1991-nji ýylyň 27-nji oktýabrynda ýurt garaşsyz boldy.",
        "Şondan bäri mekdepde 3-nji gezek abatlaýyş işleri geçirildi.",
    ],
    ["Resminama 05.05.2024 ý. gol çekildi.", "Ol 01.06.2024 ý. güýje girýär."],
    ["Duşuşyk 14.03.2025.", "Habarlaşmak üçin edara ýüz tutuň."],
    ["Onuň doglan senesi 1954 ý. 18-nji fewraly.", "Ol Tejen şäherinde dünýä indi."],
    ["Görnükli şahyr 1733–1782 ýý. ýaşap geçdi.", "Onuň goşgulary häzir hem okalýar."],
    ["Bu galanyň gurluşygy XII asyra degişli.", "XIII asyrda ol ýykyldy.", "Häzir diňe diwarlary galdy."],
    ["B.e. öň III asyrda bu ýerde uly şäher bardy.", "Arheologlar onuň köçelerini açdylar."],
    # Initials and titles.
    [
        "Täze sergini A. Ý. Garryýew açdy.",
        "Sergide B. Nuryýewanyň otuz suraty görkezildi.",
        "Olaryň köpüsi ilkinji gezek görkezilýär.",
    ],
    ["Kitabyň awtory G.M. Orazow.", "Redaktory bolsa Ş. Durdyýewdir."],
    ["Prof. Ý. Hojaýew leksiýa okady.", "Ak. B. Taganow hem oňa gatnaşdy.", "Zal dolupdy."],
    ["Dos. M. Amanowa bilen gürrüňdeş bolduk.", "Ol iň gowy talyplary barada aýtdy."],
    ["Ýygnaga ýold. Meredow başlyklyk etdi.", "Gürrüň iki sagada çekdi."],
    ["Romanyň baş gahrymany Ýu. Ataýew diýen mugallym.", "Ol oba mekdebinde işleýär."],
    [
        "Bu barada H. G. Täçmyradow we O. Nazarow öz makalalarynda ýazýarlar.",
        "Makalalar 1972-nji ýylda çykdy.",
    ],
    # "And so on", and other abbreviations that may end a sentence.
    ["Bazarda alma, armyt, üzüm we ş.m. satylýar.", "Bahalar elýeterli."],
    ["Dükana galam, depder, pozguç we ş. m. getirildi.", "Okuwçylar üçin arzanladyş bar."],
    ["Ekinlere bugdaý, arpa, şaly we beýl. girýär.", "Olaryň her biri aýratyn ideg talap edýär."],
    ["Toýa garyndaşlar, goňşular, işdeşler we b. geldi.", "Aýdym-saz giçlige çenli dowam etdi."],
    ["Çemçe, tabak, käse we ş.m. gap-gaçlar tekjede durdy.", "Olaryň käbiri kümüşdendi."],
    # Units and amounts.
    ["Iki şäheriň arasy 350 km.", "Otly ony alty sagatda geçýär."],
    ["Howzuň çuňlugy 2 m. 35 sm. barabar.", "Onuň suwy dury."],
    ["Bu gawunyň agramy 7,5 kg. geldi.", "Satyjy ony 20 man. satdy.", "Alyjy razy boldy."],
    ["Zawod ýylda 1,2 mln. tonna sement öndürýär.", "Onuň bir bölegi daşary ýurtlara iberilýär."],
    ["Meýdany 45 ga. ýer ekildi.", "Hasyl güýzde ýygnalar."],
    ["Temperatura +38,5 gradusa ýetdi.", "Ertir has-da yssy bolar."],
    ["Ýüküň umumy agramy 3.5 tonna.", "Ulag ony bir gezekde daşady."],
    ["Kursuň bahasy 1 250 manat.", "Oňa kitaplar hem girýär."],
    ["Ýaryşda 100 m. aralyga ylgamakda Aman birinji boldy.", "Ol 10,9 sekuntda ylgady."],
    ["Zalda 1,5 müň orun bar.", "Şolaryň 200-si çagalar üçin."],
    # References.
    ["Bu barada 25-nji sah. seret.", "Mysallar sah. 31 berilýär."],
    ["Goşgy I tom, 112 s. çap edildi.", "Onuň terjimesi-de bar."],
    ["Sur. 4 ýylylygyň geçişi görkezilýär.", "Tab. 2 bolsa ölçegler berilýär."],
    ["Gl. 3 serediň.", "Onda meseläniň çözülişi düşündirilýär."],
    ["Düzgünnamanyň 7-nji madd. laýyklykda rugsat berilýär.", "Ol üç ýyl güýjünde bolýar."],
    # Addresses.
    [
        "Edara Aşgabat ş., Bitaraplyk şaý. 15 ýerleşýär.",
        "Tel. 12-34-56.",
        "Iş wagty sagat 9:00-dan 18:00-a çenli.",
    ],
    ["Mary wel. Baýramaly etr. ilaty köpelýär.", "Täze jaýlar gurulýar."],
    ["Salgymyz: Magtymguly köç. 8, 2-nji gat.", "Öňünden jaň ediň."],
    [
        "Giňişleýin maglumat www.mysal.tm saýtynda bar.",
        "Soraglary info@mysal.tm salgysyna iberip bilersiňiz.",
    ],
    ["Arza https://mysal.tm/arza?id=5 salgysynda doldurylýar.", "Jogap üç günde geler."],
    # Quoted speech.
    [
        "«Men size hökman kömek ederin» diýip, ol söz berdi.",
        "Biz oňa minnetdar bolduk.",
    ],
    ["«Haçan gelersiň?» diýip, ejem sorady.", "Men jogap bermedim."],
    ["«Gel, ýanymda otur!» diýip, atam meni çagyrdy.", "Men onuň gapdalynda oturdym."],
    ["«Men geldim. Sen bolsa ýokdyň» diýip, Jeren öýkeledi.", "Dosty ýylgyrdy."],
    ["«Biz bu taslamany bir ýylda tamamlarys», — diýip, müdir aýtdy.", "Işçiler el çarpdylar."],
    ["Ol: «Ertir gel!» diýdi.", "Men razy boldum."],
    ["Atam şeýle diýerdi: «Zähmet soňy — rahat.»", "Bu sözler ýadymda galypdyr."],
    ["Diwarda «Suwy aýaň!» diýen ýazgy bardy.", "Hemme kişi ony okaýardy."],
    ["«Türkmenistan» gazetinde makala çykdy.", "Onda täze emeli köl barada aýdylýar."],
    ["«Näme üçin giç galdyň? Biz saňa garaşdyk ahyry» diýip, mugallym käýedi.", "Okuwçy ýere bakdy."],
    ["Kim oňa “Dogrudanam şeýlemi?” diýip sorap bilsin.", "Hiç kim sorap bilmedi."],
    # Dialogue on one line.
    ["— Nirä barýarsyň?", "— Oba barýaryn.", "— Meni-de äkitsene!"],
    ["— Salam, — diýip, ol elini uzatdy.", "— Salam! — diýip, men jogap berdim."],
    ["— Kitaby okap gutardyňmy? — diýip, Maral sorady.", "— Heniz ýok."],
    ["— Bolýar! — Myrat gülümsedi.", "Ol gapa tarap ýöredi."],
    ["— Häzir sagat näçe?", "— Ýedi.", "— Onda gitmeli wagt boldy..."],
    # Ellipses and emphasis.
    ["Ol uzak dymdy...", "Soňra ýuwaşlyk bilen gürläp başlady."],
    ["Men... men muny bilmeýärdim.", "Bagyşla meni!"],
    ["Garaşdyk, garaşdyk… emma hiç kim gelmedi.", "Gije düşdi."],
    ["… we ol gitdi.", "Gapy ýapyldy."],
    ["Bu nähili gözellik?!", "Şeýle owadan bagy öň görmändim!!", "Dogrudanam."],
    ["Wah, näme edýärsiň!..", "Suw dökülýär ahyry!"],
    ["Bu (!) juda möhüm mesele.", "Oňa üns bermeli."],
    ["Ol (ýaşy ýetmişden geçendir.) heniz hem işleýär.", "Oňa hemmeler sarpa goýýar."],
    ["Täze köpri gurulýar (onuň uzynlygy 900 m.).", "Ol güýzde açylar."],
    ["Seret: bu ýerde ýalňyş bar (sah. 12, 3-nji setir).", "Ony düzetmeli."],
    # Lists inside a paragraph.
    ["1. Elleriňizi ýuwuň.", "2. Arassa tabak alyň.", "3. Uny eläň."],
    ["I. Giriş.", "II. Esasy bölüm.", "III. Netije."],
    ["1) Gan basyşyny ölçäň.", "2) Netijesini ýazyň."],
    ["A. Suwuň häsiýetleri.", "B. Howanyň düzümi."],
    # What looks like an initial, and is not.
    ["Limonda köp witamin C.", "Ol sowuklamadan goraýar."],
    ["Biz 9-njy A synpda okaýarys.", "Synpymyzda 28 okuwçy bar."],
    ["Onuň gan topary B.", "Bu maglumat kartada ýazylan."],
    # Numbers at the end.
    ["Biziň jaýymyzyň belgisi 17.", "Ol köçäniň ahyrynda."],
    ["Meseläniň jogaby 256.", "Ony özüňiz barlap görüň."],
    ["Hasap 3:1.", "Biziň toparymyz ýeňdi."],
    ["Ilatyň sany 2022-nji ýylda 7 mln. adama ýetdi.", "Şäherlerde ýarysyndan köpüsi ýaşaýar."],
    ["Ol 1975.", "Maglumat doly däl."],
    # News.
    [
        "Halkara sergä 12 ýurtdan wekiller geldi.",
        "Olaryň arasynda Özbegistan, Gazagystan, Türkiýe we başga-da birnäçe döwlet bar.",
        "Sergi üç gün dowam eder.",
    ],
    [
        "Futbol boýunça milli ýygyndy 2:0 hasabynda ýeňdi.",
        "Ilkinji pökgini 23-nji minutda A. Annadurdyýew geçirdi.",
        "Ikinji pökgi 78-nji minutda derwezä girdi.",
    ],
    [
        "Ministrligiň habar bermegine görä, ýol 120 km. uzynlykda bolar.",
        "Gurluşyk 2026-njy ýylda tamamlanar.",
        "Taslamanyň bahasy 35 mln. dollar.",
    ],
    [
        "Howa gulluklarynyň maglumatyna görä, ertir ýagyş ýagar.",
        "Ýeliň tizligi sekuntda 15 m. ýeter.",
        "Sürüjilere seresap bolmak maslahat berilýär.",
    ],
    ["Baýramçylyk konserti sagat 19:30-da başlanar.", "Giriş mugt.", "Ähli isleýänleri çagyrýarys!"],
    # Footnote marks, trailing brackets.
    ["Bu sözüň gelip çykyşy belli däl.[3]", "Käbir alymlar ony arap dilinden diýip hasaplaýarlar.[4]"],
    ["Netije gowy boldy (gör. 2-nji tablisa).", "Indi nobatdaky synaga geçeliň."],
    # Textbook.
    [
        "Uç burçlugyň burçlarynyň jemi 180°.",
        "Muny subut etmek üçin parallel göni çyzyk geçireliň.",
        "Subut edildi.",
    ],
    ["Ösümlige gün şöhlesi nämä gerek?", "Pikirleniň we jogap beriň.", "Jogabyňyzy depderiňize ýazyň."],
    ["Mysal: 2 + 3 = 5.", "Indi özüňiz çözüp görüň."],
    ["Kislorodyň belgisi O.", "Ol tebigatda giň ýaýran."],
    ["Suw 100 °C. gaýnaýar.", "Buz bolsa 0 °C. ereýär."],
    ["Pişik, it, sygyr, goýun we ş.m. öý haýwanlarydyr.", "Olar adama peýda getirýär."],
    # Names with periods, acronyms.
    ["BMG-niň wekili Ž. Burun duşuşyga gatnaşdy.", "Ol hyzmatdaşlyk barada gürrüň berdi."],
    ["A.Ş. Kerimow we T.K. Saparow bilelikde işlediler.", "Olaryň hasabaty taýýar."],
    ["M. Gorkiý ad. teatr täze möwsümi açdy.", "Ilkinji oýun «Däli Domrul» boldy."],
    # Starters after abbreviations.
    ["Jaý 2019 ý. guruldy.", "Emma oňa entek hiç kim göçüp barmady."],
    ["Sygyrlar günde 15 l. süýt berýär.", "Bu görkeziji geçen ýyldakydan ýokary."],
    ["Ol Daşoguz obl. doglan.", "Soňra maşgalasy bilen Aşgabada göçüp geldi."],
    ["Gaz geçirijiniň uzynlygy 1 800 km.", "Ol üç ýurduň çäginden geçýär."],
    ["Sagat 15 min. garaşdyk.", "Awtobus gelmedi."],
    # Apostrophes, hyphens, mixed scripts of names.
    ["iPhone telefonlary hem, Android telefonlary hem goldanýar.", "Programma mugt."],
    ["Täze «Bagtyýarlyk» ýaşaýyş toplumy açyldy.", "Onda 3–5 otagly öýler bar."],
    ["Kim-de kim çalt gelse, şol ýeňýär.", "Ine, bäsleşigiň düzgüni şeýle."],
    ["Aýry-aýry oturmaň, bile oturyň!", "Çaý içiň!", "Çörek iýiň!"],
    # Long sentences with inner marks.
    [
        "Ol, dogrusyny aýtsam, geler öýdemokdym; emma geldi.",
        "Men muňa haýran galdym: daşarda ýagyş guýýardy.",
    ],
    ["Şeýle sorag ýüze çykýar: biz näme etmeli?", "Jogap ýönekeý."],
]

# The next sentence begins on a line of its own.
LINES = [
    ["Size gerek bolar:", "- 2 stakan un;", "- 1 ýumurtga;", "- bir çümmük duz."],
    ["— Saglykmy?", "— Şükür.", "— Çagalar gowumy?"],
    ["Işiň tertibi:", "1. Gurallary taýýarlaň.", "2. Çyzgyny çyzyň.", "3. Ölçegleri barlaň."],
    ["Gatnaşyjylar:", "• mugallymlar", "• talyplar", "• ene-atalar"],
]
