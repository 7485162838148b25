"""The Turkmen–Turkish lexicon of `respell`, written by hand from knowledge of both languages.

An entry is `turkmen=turkish`; `a/b=c` gives two Turkmen spellings; `_` is a space inside the Turkish side.
On the Turkish side `şehir~şehr` names the stem before a vowel, and `saat^` asks for front suffixes after a
back vowel. Stems whose sounds alone give the right Turkish word are listed all the same when their class
(noun or verb) helps to read the suffixes after them.
"""

from __future__ import annotations

# Regular endings of loanwords: they came through Russian on one side, through French on the other.
# The first that fits is used.
ENDINGS = [
    (r"ologiýa$", "oloži"),
    (r"grafiýa$", "grafi"),
    (r"tsiýa$", "siýon"),
    (r"(?<=[aeiouks])siýa$", "sýon"),
    (r"iýa$", "ýa"),
    (r"ologik$|ologiki$", "ologik"),
    (r"(?<=[dtlnmrp])iki$", "ik"),
    (r"iw$", "if"),
]

# Regular correspondences inside a stem, applied after the letters: y is a consonant here and ı a vowel.
SOUNDS = [
    # Oghuz g- before back vowels stayed k- in Turkish: gara → kara, gol → kol, gyz → kız.
    (r"^g(?=[aouı])", "k"),
    # g after a vowel became ğ: dag → dağ, oglan → oğlan, agyr → ağır.
    (r"(?<=[aeıioöuü])g(?=[aeıioöuülrnmdsz]|$)", "ğ"),
    # Turkish writes rounding harmony in every syllable, Turkmen in the first ones: dogry → doğru.
    (r"(?<=[ou])([bcçdfgğhklmnprsştvyz]{1,2})ı", r"\1u"),
    (r"(?<=[öü])([bcçdfgğhklmnprsştvyz]{1,2})i", r"\1ü"),
]

# Whole words that take no suffixes, or only those written here: function words, adverbs, pronouns.
WORDS = """
we=ve hem=da ýa=ya ýada=ya_da ýa-da=ya_da emma=ama ýöne=ama bolsa=ise eger=eğer çünki=çünkü sebäbi=çünkü
bilen=ile üçin=için ýaly=gibi ýalak=gibi deý=gibi dek=gibi görä=göre boýunça=göre barada=hakkında
barasynda=hakkında hakda=hakkında hakynda=hakkında baradaky=hakkındaki hakyndaky=hakkındaki
arkaly=aracılığıyla sebäpli=nedeniyle zerarly=nedeniyle garamazdan=rağmen garamazda=rağmen garşy=karşı
tarapyndan=tarafından çenli=kadar deňiç=kadar bäri=beri soň=sonra soňra=sonra öň=önce ozal=önce
öňinçä=önce başga=başka beýleki=diğer beýlekiler=diğerleri daşary=dışarı daşyndan=dışından
daşgary=dışında içinde=içinde arasynda=arasında üstünde=üzerinde ýanynda=yanında ýanyna=yanına
öňünde=önünde astynda=altında garaňda=göre garanyňda=göre baglylykda=bağlı_olarak degişlilikde=göre
laýyklykda=uygun_olarak hökmünde=olarak hökmündäki=olan netijesinde=sonucunda dowamynda=boyunca
esasynda=temelinde mynasybetli=dolayısıyla diýip=diye diýen=diyen diýlip=diye diýseň=çok diýmek=demek
bu=bu şu=bu ol=o şol=o o=o hol=şu şeýle=böyle beýle=böyle eýle=öyle şonuň=onun onuň=onun munuň=bunun
şunuň=bunun oňa=ona muňa=buna şuňa=buna şoňa=ona ony=onu muny=bunu şuny=bunu şony=onu onda=onda
munda=bunda şunda=bunda şonda=o_zaman ondan=ondan mundan=bundan şundan=bundan şondan=ondan olar=onlar
bular=bunlar şular=bunlar şolar=onlar olaryň=onların bularyň=bunların şolaryň=onların olara=onlara
bulara=bunlara şolara=onlara olary=onları bulary=bunları olardan=onlardan olarda=onlarda ondaky=ondaki
onsoň=sonra şonsoň=sonra şonuňüçin=bu_yüzden şonluk=böylece men=ben meniň=benim maňa=bana meni=beni
mende=bende menden=benden sen=sen seniň=senin saňa=sana seni=seni sende=sende senden=senden biz=biz
biziň=bizim bize=bize bizi=bizi bizde=bizde bizden=bizden biziňki=bizimki meniňki=benimki siz=siz
siziň=sizin size=size sizi=sizi sizde=sizde sizden=sizden kim=kim kimiň=kimin kime=kime kimi=kimi
kimde=kimde kimden=kimden näme=ne nämä=neye nämäni=neyi nämeden=neden nämeler=neler nämäň=neyin
nämäniň=neyin näçe=kaç näçinji=kaçıncı haçan=ne_zaman haçanda=ne_zaman nirede=nerede nireden=nereden
nirä=nereye niredäki=neredeki nähili=nasıl nädip=nasıl neneň=nasıl nädogry=yanlış näbelli=bilinmeyen
niçik=nasıl haýsy=hangi haýsysy=hangisi haýsydyr=bir haýsylar=hangileri näderejede=ne_kadar hiç=hiç
hiçhaçan=asla hiçkim=hiç_kimse hiçbir=hiçbir hiçzat=hiçbir_şey hiçi=hiçbiri hiçisi=hiçbiri her=her
herhal=herhalde herbir=her_bir hemme=bütün hemmesi=hepsi hemmeler=herkes hemmämiz=hepimiz ähli=tüm
ählisi=hepsi ählumumy=genel bütin=bütün tutuş=bütün käbir=bazı käbiri=bazısı käbirleri=bazıları
birnäçe=birkaç birnäçesi=birkaçı birneme=biraz biraz=biraz biri=biri birini=birini birine=birine
biriniň=birinin birinden=birinden birinde=birinde birje=tek birden=birden birek=birbiri biri-biri=birbiri
köp=çok köpüsi=çoğu köplenç=genellikle köpsanly=çok_sayıda az=az azrak=daha_az azyndan=en_azından
has=daha iň=en gaty=çok örän=çok juda=çok aşa=aşırı has-da=daha_da gowrak=fazla artyk=fazla
artykmaç=fazla diňe=sadece ýeke=tek ýeke-täk=tek ýekeje=tek ýene=yine ýenede=yine hatda=hatta
hat-da=hatta elbetde=elbette hökman=mutlaka belki=belki belkem=belki ähtimal=muhtemelen hemişe=her_zaman
hemişelik=kalıcı hemişeki=her_zamanki käte=bazen käwagt=bazen kämahal=bazen hernäçe=ne_kadar henizem=hala
heniz=henüz entek=henüz entäk=henüz eýýäm=artık indi=şimdi häzir=şimdi häzirki=şu_anki häzire=şimdiye
şumat=şu_an häli=henüz tiz=hızla tizden=yakında çalt=hızlı haýal=yavaş ýuwaş=yavaş birbada=bir_anda
derrew=hemen dessine=hemen bärden=buradan bärde=burada bäriki=buradaki şeýlelikde=böylece şeýle-de=ayrıca
şeýdip=böylece beýdip=böyle şeýtmek=böyle_yapmak üstesine=üstelik bilelikde=birlikte birlikde=birlikte
bile=birlikte aýratyn=özel aýratynam=özellikle esasanam=özellikle ylaýta=özellikle hususan=özellikle
adatça=genellikle mysal=örnek meselem=örneğin eýsem=ancak ýagny=yani hawa=evet ýok=yok däl=değil bar=var
hä=evet bardy=vardı ýokdy=yoktu däldi=değildi bolmasa=yoksa ýogsa=yoksa ýogsam=yoksa bäş=beş alty=altı
ýedi=yedi sekiz=sekiz dokuz=dokuz on=on ýigrimi=yirmi otuz=otuz kyrk=kırk elli=elli altmyş=altmış
ýetmiş=yetmiş segsen=seksen togsan=doksan ýüz=yüz müň=bin million=milyon milliard=milyar trillion=trilyon
bir=bir iki=iki üç=üç dört=dört nol=sıfır ýarym=yarım ilki=ilk ilkinji=ilk birinji=birinci
ilkibaşda=başlangıçta sany=tane sanysy=tanesi çemesi=yaklaşık takmynan=yaklaşık golaý=yakın
töweregi=civarı töweregine=etrafına töwereginde=etrafında irden=sabah agşam=akşam gije=gece düýn=dün
ertir=yarın şugün=bugün bugün=bugün öňňin=önceki_gün birigün=ertesi_gün tomusda=yazın gyşyna=kışın
soňky=son soňraky=sonraki öňki=önceki ozalky=eski indiki=gelecek geljek=gelecek ahyrky=son
ahyrsoňy=sonunda ahyry=sonunda ahyrda=sonunda gaýtadan=yeniden täzeden=yeniden gaýra=geri gaýta=tekrar
ýzyna=geri yzyna=geri ýokary=yüksek aşak=aşağı aşakda=aşağıda aşakdaky=aşağıdaki ýokarda=yukarıda
ýokardaky=yukarıdaki ýokaryk=yukarı ýokarky=üst öňe=ileri yza=geri yzda=arkada öňde=ileride içeri=içeri
içerde=içeride sag=sağ çep=sol sebitdäki=bölgedeki ýakyn=yakın ýakynda=yakında uzak=uzak alys=uzak
alysda=uzakta golaýda=yakında mümkin=mümkün gerek=gerek zerur=gerekli dälmi=değil_mi barmy=var_mı
ýokmy=yok_mu öz=kendi özi=kendisi özüni=kendisini özüne=kendisine özüniň=kendi özünden=kendisinden
özünde=kendisinde özümi=kendimi özüm=kendim özümiň=kendimin özüme=kendime özümiz=kendimiz
özleri=kendileri özlerini=kendilerini özlerine=kendilerine özleriniň=kendi özlerinden=kendilerinden
özara=karşılıklı özbaşdak=bağımsız özboluşly=özgün özüňiz=kendiniz özüňiziň=kendi ikisi=ikisi
ikisini=ikisini üçüsi=üçü ikitaraplaýyn=ikili eken=imiş ekeni=olduğunu öýdýän=sanırım walla=vallahi
hanym=hanım jenap=bay ýoldaş=yoldaş tiz-tizden=sık_sık ýygy-ýygydan=sık_sık wagtal-wagtal=zaman_zaman
gitdigiçe=giderek barha=giderek barmak=parmak şonça=o_kadar munça=bu_kadar onçakly=o_kadar şunça=bu_kadar
beýlede=öte ep-esli=önemli_ölçüde ep=hayli esli=önemli_ölçüde sähelçe=biraz ujypsyz=küçük biderek=boşuna
haýran=hayran geň=tuhaf ozaldan=önceden öňünden=önceden öňden=önceden başdan=baştan goşmaça=ek arap=Arap
türk=Türk türkmen=Türkmen türkmençe=Türkmence türkçe=Türkçe pikirimçe=bence meniňçe=bence fikrimçe=bence
jemi=toplam umuman=genel_olarak doly=tam dolulygyna=tamamen tutuşlaýyn=tamamen büs-bütin=tamamen
aslynda=aslında hakykatdan=gerçekten hakykatdanam=gerçekten dogrudanam=gerçekten çynlakaý=ciddi
ýüzlerçe=yüzlerce müňlerçe=binlerce onlarça=onlarca millionlarça=milyonlarca islendik=herhangi_bir
ýörite=özel şenbe=cumartesi ýekşenbe=pazar duşenbe=pazartesi sişenbe=salı çarşenbe=çarşamba
penşenbe=perşembe anna=cuma
"""
WORDS += """
taýdan=açıdan hötdesinden=üstesinden deregine=yerine gol=gol ýekebara=bire_bir onlaýn=çevrimiçi
hatarynda=arasında yzysüre=ardından duýdansyz=aniden wagtlap=süreli iňňän=çok düýbünden=tamamen
düýpgöter=tamamen ymykly=tamamen gönümel=doğrudan öte=son_derece göni=doğrudan welin=ama ötri=için
ençeme=birçok öňüsyrasynda=öncesinde öňüsyrasy=öncesi irdenki=sabah agşamky=akşamki geljekki=gelecekteki
beýläkki=sonraki beýläk=öte şolardan=onlardan şulardan=bunlardan başgalar=başkaları başgalara=başkalarına
başgalary=başkalarını başgalardan=başkalarından başgalaryň=başkalarının başgasy=başkası
başgaça=başka_türlü beýlekisi=diğeri hersi=her_biri özem=üstelik hasam=daha_da bizem=biz_de menem=ben_de
olam=o_da senem=sen_de bulam=bu_da bardygy=olduğu bardygyny=olduğunu bardygyna=olduğuna ýokdugy=olmadığı
ýokdugyny=olmadığını däldigi=olmadığı däldigini=olmadığını däldigine=olmadığına däldir=değildir
dälmiş=değilmiş bary=hepsi baryny=hepsini emele=ortaya megerem=galiba meger=galiba entegem=hala
şeýdibem=böylece birdenkä=birden birhili=tuhaf şunluk=böylece şunlukda=böylece ynha=işte ine=işte
hamala=sanki edil=tıpkı ugrunda=uğrunda babatynda=konusunda babatda=konusunda babat=konu
dogrusynda=konusunda dogruda=hakkında tötänleýin=rastgele bilkastlaýyn=kasıtlı esasan=esasen
onsuzam=zaten soňlugy=sonunda soňundan=ardından mydama=her_zaman mydam=her_zaman şeýlelik=böylelik
garşylyklaýyn=karşılıklı bilelikdäki=ortak ozalkylar=öncekiler häzirlikçe=şimdilik henize=henüz
ömürboýy=ömür_boyu aşagynda=altında aşagyna=altına aşagyndan=altından töweregindäki=çevresindeki
töwereklerinde=çevresinde deň-duş=akran beýlekilere=diğerlerine beýlekileri=diğerlerini
beýlekileriň=diğerlerinin köpleri=çoğu köpüsini=çoğunu köpüsiniň=çoğunun köpüsinde=çoğunda
gezekki=seferki bolup=olarak bolsun=olsun goýbolsun=iptal hoşgeldiňiz=hoş_geldiniz sagboluň=teşekkürler
taňry=tanrı salam=selam minnetdar=minnettar tüweleme=maşallah haýyr=hayır eý=ey waý=vay be=be ha=ha
haý=hay ýa-ha=ya_da nirelerde=nerelerde nirelere=nerelere niredendigini=nereden_olduğunu şeýleki=şöyle
irde=erken ir=erken irräk=daha_erken giçräk=daha_geç köpräk=daha_çok ulurak=daha_büyük kiçiräk=daha_küçük
gowurak=daha_iyi ýokarrak=daha_yüksek
"""

WORDS += """
içgin=ayrıntılı çakdanaşa=aşırı mahaly=zamanı şuwagt=şu_an esewan=dikkat ýokaryda=yukarıda hiçhili=hiçbir
gaýybana=varsayılan terk=terk
"""
# The outside (daş) is also a stone (daş), and only its cases tell them apart.
WORDS += """
daşynda=dışında daşyndaky=dışındaki daşyna=dışına bitewi=tam ogurlyk=hırsızlık
"""

# Stems that take the suffixes of nouns: nouns, adjectives, numerals, participles frozen as adjectives.
NOUNS = ""
# People and family.
NOUNS += """
adam=insan ynsan=insan kişi=kişi şahs=kişi şahsy=kişisel aýal=kadın zenan=kadın gelin=gelin erkek=erkek
oglan=erkek_çocuk gyz=kız çaga=çocuk ogul/ogl=oğul~oğl bäbek=bebek ene=anne eje=anne kaka=baba ata=dede
atalar=atalar mama=büyükanne ejeke=abla dogan=kardeş doganlyk=kardeşlik aga=ağabey uýa=kız_kardeş är=koca
ýoldaş=yoldaş dost=dost duşman=düşman goňşy=komşu maşgala=aile ýetim=yetim ýetginjek=ergen ýaş=genç
ýaşlar=gençler ýaşy=yaşı ýaşly=yaşında ýaşyndaky=yaşındaki garry=yaşlı garyndaş=akraba raýat=vatandaş
raýatlyk=vatandaşlık halk=halk il=halk ilat=nüfus ilatly=nüfuslu millet=millet milli=milli
jemgyýet=toplum jemgyýetçilik=kamu köpçülik=kitle köpçülikleýin=kitlesel adamzat=insanlık
ynsanperwer=insani talyp=öğrenci okuwçy=öğrenci mugallym=öğretmen professor=profesör alym=bilim_insanı
hünärmen=uzman işgär=çalışan işçi=işçi başlyk=başkan prezident=cumhurbaşkanı premýer=başbakan
ministr=bakan ministrlik=bakanlık wezir=vezir patyşa=kral patyşalyk=krallık korolewa=kraliçe korol=kral
korollyk=krallık şa=şah müdir=müdür direktor=direktör ýolbaşçy=lider ýolbaşçylyk=liderlik lider=lider
baştutan=başkan serdar=lider wekil=temsilci wekilçilik=temsilcilik deputat=milletvekili ilçi=elçi
ilçihana=büyükelçilik agza=üye agzalyk=üyelik dalaşgär=aday dalaşgärlik=adaylık saýlawçy=seçmen
lukman=doktor doktor=doktor şepagat=hemşire polisiýa=polis esger=asker goşun=ordu harby=askeri
serkerde=komutan kapitan=kaptan leýtenant=teğmen polkownik=albay general=general sürüji=sürücü
ýolagçy=yolcu jenaýatçy=suçlu jenaýat=suç jenaýatçylyk=suç jenaýatçylykly=suçlu ogry=hırsız
ogurlyk=hırsızlık türgen=sporcu oýunçy=oyuncu tälimçi=antrenör futbolçy=futbolcu aktýor=aktör
aktrisa=aktris artist=sanatçı aýdymçy=şarkıcı žurnalist=gazeteci ýazyjy=yazar awtor=yazar şahyr=şair
suratkeş=ressam hünär=meslek kär=meslek hyzmatkär=hizmetçi eýe=sahip hojaýyn=sahip müşderi=müşteri
alyjy=alıcı satyjy=satıcı täjir=tüccar daýhan=çiftçi telekeçi=girişimci telekeçilik=girişimcilik
myhman=misafir myhmanhana=otel syýahatçy=turist syýahat=seyahat kepil=kefil şaýat=tanık pida=kurban
bosgun=mülteci kazy=yargıç kazyýet=mahkeme aklawçy=avukat prokuror=savcı ýaşaýjy=sakin tarapdar=taraftar
garşydaş=rakip bäsdeş=rakip bäsdeşlik=rekabet topar=takım toparça=grup guramaçy=düzenleyici
gatnaşyjy=katılımcı ulanyjy=kullanıcı
"""
# State, law, politics, war.
NOUNS += """
döwlet=devlet hökümet=hükümet ýurt=ülke watan=vatan respublika=cumhuriyet respublikan=cumhuriyetçi
demokrat=demokrat demokratik=demokratik demokratiýa=demokrasi partiýa=parti partiýaly=partili
syýasat=siyaset syýasy=siyasi syýasatçy=siyasetçi saýlaw=seçim ses=ses seslilik=oy kanun=yasa
kanunçylyk=mevzuat hukuk=hak~hakk hukuky=hukuki adalat=adalet adalatly=adil adyl=adil
konstitusiýa=anayasa erkinlik=özgürlük erkin=özgür azatlyk=özgürlük azat=özgür garaşsyz=bağımsız
garaşsyzlyk=bağımsızlık bitarap=tarafsız bitaraplyk=tarafsızlık parahat=barışçıl parahatçylyk=barış
uruş=savaş söweş=savaş ýaraşyk=barış ylalaşyk=anlaşma şertnama=sözleşme karar=karar çözgüt=çözüm
çözgüdi=çözümü permany=fermanı perman=ferman buýruk=emir görkezme=talimat teklip=teklif talap=talep
haýyş=rica rugsat=izin gadagan=yasak gadagançylyk=yasak jeza=ceza türme=hapishane tussag=tutuklu
günä=günah günäkär=suçlu aýyplaw=suçlama aýyp=suç aýyplanýan=sanık şübhe=şüphe subutnama=kanıt
delil=delil derňew=soruşturma barlag=denetim gözegçilik=denetim tertip=düzen düzgün=kural kada=kural
hyzmat=hizmet gulluk=hizmet gullukçy=görevli wezipe=görev borç=görev bergi=borç jogapkärçilik=sorumluluk
jogapkär=sorumlu wezipeli=görevli ygtyýar=yetki ygtyýarlyk=yetki häkimiýet=iktidar güýç=güç güýçli=güçlü
güýçler=kuvvetler kuwwat=kuvvet hüjüm=saldırı howp=tehlike howply=tehlikeli howpsuz=güvenli
howpsuzlyk=güvenlik gorag=koruma goranyş=savunma goranmak=savunma ýarag=silah bomba=bomba ok=kurşun
partlama=patlama terror=terör terrorçy=terörist göreş=mücadele göreşiji=mücadeleci ýeňiş=zafer
ýeňiji=kazanan ýeňliş=yenilgi utuk=başarı üstünlik=başarı üstünlikli=başarılı şowly=başarılı
şowsuz=başarısız şowsuzlyk=başarısızlık senat=senato senator=senatör kongres=kongre parlament=parlamento
mejlis=meclis palata=meclis komitet=komite komissiýa=komisyon geňeş=konsey bölüm=bölüm edara=kurum
edara-kärhana=kuruluş gurama=kuruluş guramaçylyk=örgütlenme bileleşik=birlik birleşik=birleşik
birleşen=birleşik birlik=birlik bileleşigi=birliği merkez=merkez serhet=sınır gümrük=gümrük
welaýat=eyalet ştat=eyalet etrap=ilçe okrug=bölge sebit=bölge sebitleýin=bölgesel halkara=uluslararası
daşary=dış diplomatiýa=diplomasi diplomatik=diplomatik gatnaşyk=ilişki hyzmatdaşlyk=işbirliği
hyzmatdaş=ortak şereketli=ortak kampaniýa=kampanya referendum=referandum maslahat=toplantı
duşuşyk=görüşme gepleşik=müzakere ýygnak=toplantı miting=miting protest=protesto protestçi=protestocu
demonstrasiýa=gösteri reforma=reform özgertme=reform deňlik=eşitlik deň=eşit deňsizlik=eşitsizlik
aýratynlyk=özellik diskriminasiýa=ayrımcılık zorluk=şiddet zor=zor gul=köle gulçulyk=kölelik
hemaýat=himaye hemaýatkär=destekçi goldaw=destek ýardam=yardım kömek=yardım kömekçi=yardımcı
talaňçy=yağmacı pasport=pasaport şahsyýet=kimlik şahadatnama=belge resminama=belge resmi=resmi
hasabat=rapor beýannama=bildiri jarnama=bildirge esas=temel esasy=temel esaslandyryjy=kurucu prinsip=ilke
mynasyp=layık mynasyplyk=haysiyet abraý=itibar
"""
# Economy, work, society, education, health.
NOUNS += """
iş=iş zähmet=emek işsiz=işsiz işsizlik=işsizlik hünärment=zanaatkar kärhana=işletme zawod=fabrika
fabrik=fabrika önüm=ürün önümçilik=üretim öndüriji=üretici haryt=mal söwda=ticaret söwdagär=tüccar
bazar=pazar dükan=mağaza magazin=mağaza supermarket=süpermarket uniwermag=mağaza kompaniýa=şirket
şereket=şirket firma=firma korporasiýa=şirket pul=para baha=değer nyrh=fiyat gymmat=değer
gymmatbaha=değerli gymmatlyk=değer arzan=ucuz salgyt=vergi ýygym=harç töleg=ödeme girdeji=gelir
gazanç=kazanç peýda=fayda peýdaly=faydalı zyýan=zarar zyýanly=zararlı zeper=hasar ýitgi=kayıp
çykdajy=masraf bank=banka karz=kredi kredit=kredi maliýe=maliye ykdysadyýet=ekonomi ykdysady=ekonomik
maýa=yatırım maýadar=yatırımcı býudjet=bütçe aýlyk=maaş hak=ücret pensiýa=emeklilik dollar=dolar
funt=sterlin ýewro=avro manat=manat teňňe=bozuk_para hasap=hesap hasaplama=hesaplama göterim=yüzde
möçber=miktar mukdar=miktar san=sayı sanly=sayıda sanaw=liste belgi=işaret ölçeg=ölçü dereje=seviye
derejeli=seviyeli hil=tür hilli=kaliteli görnüş=tür görnüşli=türlü dürli=çeşitli dürlilik=çeşitlilik
mekdep=okul okuw=eğitim bilim=eğitim bilimli=eğitimli ylym=bilim ylmy=bilimsel uniwersitet=üniversite
institut=enstitü fakultet=fakülte sapak=ders kurs=kurs kitap=kitap depder=defter galam=kalem dil=dil
söz=söz sözlük=sözlük jümle=cümle harp=harf^ hat=mektup ýazgy=kayıt ýazuw=yazı makala=makale gazet=gazete
žurnal=dergi metbugat=basın habar=haber maglumat=bilgi mälim=belli mälimat=bilgi tema=konu mowzuk=konu
soraşma=anket soraglar=sorular sorag=soru jogap=cevap synag=sınav synanyşyk=girişim tejribe=deneyim
tejribeli=deneyimli bilgi=bilgi düşünje=kavram düşündiriş=açıklama pikir=fikir garaýyş=görüş
nukdaýnazar=bakış_açısı nukdaý=bakış aň=bilinç akyl=akıl~akl akylly=akıllı ruhy=manevi ruh=ruh
ýürek=yürek kalp=kalp saglyk=sağlık sagdyn=sağlıklı hassa=hasta hassahana=hastane kesel=hastalık
keselli=hasta derman=ilaç bejergi=tedavi bejeriş=tedavi syrkaw=hasta näsag=hasta ýara=yara ýaraly=yaralı
şikes=yaralanma agyry=ağrı ölüm=ölüm öli=ölü wepat=vefat jan=can diri=canlı ömür=ömür~ömr durmuş=hayat
durmuşy=yaşam ýaşaýyş=yaşam dirilik=hayat durmuşda=hayatta doglan=doğum süýt=süt azyk=gıda iýmit=gıda
nahar=yemek çörek=ekmek et=et suw=su çaý=çay arak=içki içgi=içecek miwe=meyve alma=elma balyk=balık
duz=tuz şeker=şeker ýag=yağ ideg=bakım alada=kaygı aladaly=kaygılı
"""
# Everyday nouns: time, place, nature, things, body.
NOUNS += """
gün=gün güni=günü günki=günkü gündelik=günlük ýyl=yıl ýyllyk=yıllık aý=ay hepde=hafta hepdelik=haftalık
sagat=saat^ minut=dakika sekunt=saniye wagt=zaman wagtlaýyn=geçici wagtynda=zamanında möhlet=süre
möhletli=süreli pursat=an döwür=dönem döwrebap=modern zaman=zaman häzirki=şimdiki asyr=yüzyıl
ýaz=ilkbahar tomus=yaz güýz=sonbahar gyş=kış möwsüm=sezon geçmiş=geçmiş taryh=tarih taryhy=tarihi
gelejek=gelecek geljek=gelecek ertir=yarın giç=geç gijä=geceye gije=gece agşam=akşam günorta=güney
öýle=öğle demirgazyk=kuzey gündogar=doğu günbatar=batı gezek=kez sapar=kez öýlän=öğleden_sonra
başlangyç=başlangıç baş=baş başy=başı ahyr=son soňy=sonu soň=son ujy=ucu uç=uç ýer=yer ýerli=yerel
orun=yer ýeri=yeri giňişlik=alan meýdan=alan meýdança=saha sahypa=sayfa jaý=bina bina=bina öý=ev
öýsüz=evsiz otag=oda otagy=odası gapy=kapı penjire=pencere diwar=duvar köçe=sokak ýol=yol köpri=köprü
şäher=şehir~şehr şäherçe=kasaba oba=köy paýtagt=başkent howly=avlu bag=bahçe deňiz=deniz derýa=nehir~nehr
köl=göl okean=okyanus ada=ada dag=dağ çöl=çöl tokaý=orman agaç=ağaç gül=çiçek ot=ot od=ateş ýangyn=yangın
yranma=deprem ýertitreme=deprem sunami=tsunami howa=hava ýagyş=yağmur gar=kar ýel=rüzgar şemal=rüzgar
tupan=fırtına harasat=fırtına sil=sel suwly=sulu bulut=bulut gök=gök asman=gökyüzü ýyldyz=yıldız
dünýä=dünya tebigat=doğa tebigy=doğal daşky=dış gurşaw=çevre ekologiýa=çevre haýwan=hayvan guş=kuş
it=köpek pişik=kedi at=at sygyr=inek goýun=koyun möjek=kurt ýolbars=kaplan ýylan=yılan kenar=kıyı
kenarýaka=sahil maşyn=araba awtoulag=otomobil ulag=araç otly=tren uçar=uçak howaýol=hava_yolu gämi=gemi
awtobus=otobüs demirýol=demiryolu menzil=durak aeroport=havaalanı ýük=yük ýangyç=yakıt gaz=gaz
nebit=petrol elektrik=elektrik energiýa=enerji tok=akım çyra=lamba telefon=telefon kompýuter=bilgisayar
internet=internet telewideniýe=televizyon telewizor=televizyon radio=radyo kamera=kamera surat=resim~resm
şekil=şekil~şekl suratlar=fotoğraflar film=film kino=sinema teatr=tiyatro aýdym=şarkı saz=müzik
sazanda=müzisyen tans=dans oýun=oyun~oyn oýny=oyunu top=top pökgi=top kubok=kupa ýaryş=yarış
bäsleşik=yarışma çempion=şampiyon çempionat=şampiyona medal=madalya baýrak=ödül sport=spor
medeniýet=kültür medeni=kültürel sungat=sanat din=din dini=dini metjit=cami ybadathana=kilise hudaý=tanrı
allatagala=Allah hristian=Hristiyan musulman=Müslüman yslam=İslam toý=düğün baýram=bayram
baýramçylyk=bayram däp=gelenek geýim=giysi egin-eşik=giyim köýnek=gömlek aýakgap=ayakkabı göz=göz
gulak=kulak burun/burn=burun~burn agyz/agz=ağız~ağz el=el aýak=ayak kelle=kafa saç=saç ýüz=yüz
beden=beden gan=kan bil=bel arka=arka göwüs=göğüs~göğs süňk=kemik beýni=beyin~beyn zat=şey närse=şey
serişde=araç enjam=cihaz gural=araç abzal=alet gurluş=yapı gurluşyk=inşaat bölek=parça bölegi=parçası
topbak=demet parça=parça reňk=renk ak=beyaz gara=kara gyzyl=kırmızı sary=sarı ýaşyl=yeşil mawy=mavi
goňur=kahverengi altyn=altın kümüş=gümüş demir=demir daş=taş ady=adı adly=adlı atly=adlı familiýa=soyadı
sebäp=neden netije=sonuç maksat=amaç maksady=amacı meýil=niyet niýet=niyet umyt=umut arzuw=hayal
isleg=istek ýagdaý=durum waka=olay hadysa=olay mesele=mesele kynçylyk=zorluk ýalňyşlyk=hata ýalňyş=yanlış
säwlik=hata kemçilik=eksiklik kem=eksik hereket=hareket çäre=önlem ädim=adım~adım amal=eylem
çykyş=konuşma gürrüň=konuşma hekaýa=hikaye ýalan=yalan çyn=gerçek hakykat=gerçek hakyky=gerçek
dogry=doğru dogrulyk=doğruluk syr=sır gizlin=gizli açyk=açık ýapyk=kapalı mümkinçilik=olanak şert=şart
ýörelge=ilke usul=yöntem ýol-ýörelge=yöntem täsir=etki täsirli=etkili rol=rol^ goşant=katkı ähmiýet=önem
ähmiýetli=önemli möhüm=önemli wajyp=önemli möhümlik=önem zerurlyk=gereklilik gyzyklanma=ilgi
gyzykly=ilginç üns=dikkat~dikkat duýgy=duygu söýgi=sevgi gaharly=kızgın gahar=öfke gazap=gazap
gorky=korku begenç=sevinç şatlyk=sevinç şadyýan=neşeli gynanç=üzüntü gynandyryjy=üzücü bagt=mutluluk
bagtly=mutlu betbagt=mutsuz betbagtçylyk=felaket heläkçilik=felaket kyn=zor aňsat=kolay aňsatlyk=kolaylık
ýeňil=hafif agyr=ağır çylşyrymly=karmaşık ýönekeý=basit adaty=normal umumy=genel umumylyk=genellik
hususy=özel aýratyn=ayrı täze=yeni täzelik=yenilik könemaly=eski köne=eski gadymy=eski uly=büyük
ullakan=büyük beýik=büyük kiçi=küçük kiçijik=küçücük ownuk=küçük iri=büyük uzyn=uzun gysga=kısa
beýiklik=yükseklik ýokarylyk=yükseklik pes=düşük giň=geniş dar=dar çuň=derin çuňňur=derin ýalpak=sığ
doly=dolu boş=boş gowy=iyi ýagşy=iyi oňat=iyi ajaýyp=harika gözel=güzel gözellik=güzellik owadan=güzel
erbet=kötü ýaman=kötü elhenç=korkunç gödek=kaba süýji=tatlı ajy=acı gyzgyn=sıcak sowuk=soğuk ýyly=ılık
arassa=temiz hapa=kirli gury=kuru öl=ıslak ýaňy=yeni meşhur=ünlü tanymal=tanınmış belli=belirli
birnäçe=birkaç anyk=kesin takyk=kesin mäkäm=sağlam berk=sağlam ynamly=güvenli ynam=güven ynanç=inanç
ynanjaň=inançlı daýanç=dayanak netijeli=verimli garyp=yoksul garyplyk=yoksulluk baý=zengin
baýlyk=zenginlik aç=aç açlyk=açlık kän=çok ýeterlik=yeterli ýetmezçilik=eksiklik aglaba=büyük
aglabasy=çoğunluğu köplük=çoğunluk azlyk=azınlık ýarysy=yarısı hemme=hep taraplaýyn=yönlü tarap=taraf
ara=ara arasy=arası aralyk=mesafe iç=iç üst=üst üsti=üstü asty=altı ast=alt ýan=yan öň=ön öňi=önü
öňdäki=öndeki yz=iz gapdal=yan içki=iç öňümizdäki=önümüzdeki aşaky=alt ýaka=yaka çäk=sınır çet=kenar
ugur=yön~yön ugry=yönü ugrukdyrma=yönlendirme tapawut=fark~fark tapawutly=farklı meňzeş=benzer
meňzeşlik=benzerlik gapma-garşylyk=çelişki garşylyk=direniş garşy=karşı päsgel=engel päsgelçilik=engel
bökdençlik=engel ýalňyz=yalnız ýeketäk=tek nusga=örnek mysal=örnek göreldeli=örnek ýitirilen=kayıp
toprak=toprak ekin=ekin hasyl=ürün gurp=güç mahabat=reklam meýilnama=plan plan=plan taslama=proje
maksatnama=program programma=program ulgam=sistem sistema=sistem pudak=sektör senagat=sanayi
hojalyk=ekonomi tehnologiýa=teknoloji tehniki=teknik häsiýet=karakter häsiýetli=karakterli gylyk=huy
adat=alışkanlık endik=alışkanlık ukyp=yetenek ukyply=yetenekli uky=uyku zehin=yetenek başarnyk=beceri
tagt=taht göwün/göwn=gönül~gönl meýletin=gönüllü şöhrat=şöhret şan=şan hormat=saygı hormatly=saygıdeğer
sylag=ödül edep=edep ahlak=ahlak gürrüňsiz=kuşkusuz nemes=Alman iňlis=İngiliz rus=Rus fransuz=Fransız
hytaý=Çin ýapon=Japon amerikan=Amerikan amerikaly=Amerikalı ispan=İspanyol italýan=İtalyan grek=Yunan
pars=Fars hindi=Hint özbek=Özbek gazak=Kazak täjik=Tacik gyrgyz=Kırgız azerbaýjan=Azerbaycan
katalan=Katalan
"""
# Second round: more of all these, then the words of programs, law, food, animals, body, feelings.
NOUNS += """
bir=bir iki=iki üç=üç dört=dört bäş=beş alty=altı ýedi=yedi sekiz=sekiz dokuz=dokuz on=on ýigrimi=yirmi
otuz=otuz kyrk=kırk elli=elli altmyş=altmış ýetmiş=yetmiş segsen=seksen togsan=doksan müň=bin
million=milyon milliard=milyar ýarym=yarım~yarı çärýek=çeyrek bar=var ýok=yok däl=değil mümkin=mümkün
gerek=gerek zerur=gerekli başga=başka biri=biri şeýle=böyle nähili=nasıl näçe=kaç nire=nere näme=ne
kim=kim taýýar=hazır taýýarlyk=hazırlık jyns=cins jynsy=cinsel degişli=ilgili degişlilik=aitlik
nasos=pompa ejir=acı niýetlenen=amaçlanan gyssagly=acil jübüt=çift möhür=damga höküm=karar
giňişleýin=kapsamlı aragatnaşyk=iletişim komediýa=komedi gutarnykly=kesin ýaýlym=yayın
teleýaýlym=televizyon_yayını ylham=ilham itergi=ivme azar=zarar seljeriş=analiz seljerme=analiz
seljerişçi=analist baglanyşyk=bağlantı baglanyşykly=bağlı dabara=tören dabaraly=törensel hatar=sıra
agentlik=ajans gullugy=hizmeti fut=fit mil=mil metr=metre kilometr=kilometre kilogram=kilogram gram=gram
litr=litre santimetr=santimetre duýduryş=uyarı temperatura=sıcaklık gradus=derece welosiped=bisiklet
welosipedçi=bisikletçi inkär=inkar tolkun=dalga tankyt=eleştiri tankytçy=eleştirmen dynç=dinlenme
jerime=ceza tama=umut kart=kart karta=harita many=anlam manyly=anlamlı höwes=heves höwesjeň=amatör
dörtlük=dörtlü ökde=usta mahrum=mahrum mahrumlyk=yoksunluk repçi=rapçi jaň=arama arz=şikayet arza=başvuru
emläk=emlak bähbit=çıkar bähbitli=çıkarlı tüýs=gerçek brend=marka marka=marka weýran=harap
ululyk=büyüklük tizlik=hız çygly=nemli çyglylyk=nem maýyl=ılık düýp=temel düýpli=esaslı bikanun=yasadışı
garyşyk=karışık dawa=tartışma dawaly=tartışmalı gahryman=kahraman gahrymançylyk=kahramanlık duçar=maruz
rehim=merhamet rehimsiz=acımasız rehimdar=merhametli emosiýa=duygu emosional=duygusal berjaý=yerine
äpet=dev ägirt=dev tapgyr=aşama beýanat=açıklama tagalla=çaba lakam=lakap albom=albüm stadion=stadyum
üstün=üstün derweze=kale derwezeçi=kaleci liga=lig artykmaçlyk=avantaj beter=beter şat=mutlu
şatlykly=neşeli restoran=restoran çeşme=kaynak çukur=çukur täsin=ilginç ýakymly=hoş fiziki=fiziksel
fizika=fizik himiýa=kimya himiki=kimyasal biologiýa=biyoloji matematika=matematik geografiýa=coğrafya
edebiýat=edebiyat yşyk=ışık eşik=kıyafet ýiti=keskin elýeterli=erişilebilir eksport=ihracat
import=ithalat sada=sade işjeň=aktif işjeňlik=faaliyet içaly=casus mugt=ücretsiz bellik=not
birmeňzeş=aynı şol=o energetika=enerji agdyklyk=üstünlük jahan=dünya subut=kanıt goraýjy=koruyucu
ätiýaç=yedek ätiýaçlandyryş=sigorta rekord=rekor dartgyn=gergin dartgynly=gergin dartgynlyk=gerginlik
gijikme=gecikme operasiýa=operasyon hazyna=hazine tälim=eğitim rahat=rahat rahatlyk=rahatlık galp=sahte
mazmun=içerik jedel=tartışma jedelli=tartışmalı teswir=yorum teswirçi=yorumcu wideo=video audio=ses
migrasiýa=göç migrant=göçmen immigrant=göçmen dahylly=ilgili seýrek=nadir tüpeň=tüfek ýaramaz=kötü
aýlag=körfez strategiýa=strateji strategik=stratejik nokat=nokta oňaýly=uygun amatly=uygun salgy=adres
deslapky=ön halat=durum düşnükli=anlaşılır düşnüksiz=anlaşılmaz sezewar=maruz çetin=zor jebir=zulüm~zulm
infrastruktura=altyapı administrasiýa=yönetim konferensiýa=konferans ymarat=bina çaklama=tahmin
salkyn=serin kategoriýa=kategori klimat=iklim çaknyşyk=çatışma gozgalaň=isyan topalaň=isyan
tolgunyşyk=karışıklık ýumurtga=yumurta boýag=boya garaňky=karanlık garaňkylyk=karanlık tozan=toz
mejbur=zorunda mejbury=zorunlu çadyr=çadır sürgün=sürgün detektiw=dedektif inspektor=müfettiş ofis=ofis
ganat=kanat pyçak=bıçak mobil=cep proses=süreç kämil=mükemmel kämillik=mükemmellik ýurist=hukukçu
missiýa=görev plýaž=plaj festiwal=festival fotosurat=fotoğraf töwerek=çevre jeset=ceset
ewakuasiýa=tahliye tragediýa=trajedi zolak=şerit media=medya sosial=sosyal sosialist=sosyalist
toplum=kompleks torba=torba injil=İncil gurhan=Kuran professional=profesyonel özgeriş=değişim
oý=fikir~fikr problema=sorun menejer=menajer territoriýa=bölge çyzyk=çizgi karýera=kariyer
lisenziýa=lisans baýdak=bayrak baza=üs resurs=kaynak diplomat=diplomat ekran=ekran tribunal=mahkeme
ekspert=uzman analitik=analist eýýam=çağ kollektiw=kolektif sektor=sektör inžener=mühendis
inženerçilik=mühendislik nesil=nesil~nesl kanal=kanal kontrol=kontrol^ akademik=akademik
akademiýa=akademi nomer=numara kofe=kahve tabşyryk=görev elektron=elektronik ritm=ritim~ritm
mineral=mineral studiýa=stüdyo sahna=sahne simwol=simge interwýu=röportaj pýesa=oyun paý=pay
prowinsiýa=eyalet syn=inceleme ýumor=mizah akmak=aptal dert=dert haker=hacker super=süper agent=ajan
proýekt=proje bilet=bilet konsert=konser poçta=posta websaýt=web_sitesi saýt=site sekretar=sekreter
çemeleşme=yaklaşım razy=razı razylyk=rıza kreml=Kremlin kansler=şansölye girelge=giriş bulaşyk=karışık
nägile=memnuniyetsiz nägilelik=memnuniyetsizlik kilise=kilise hatyra=anı agtyk=torun sene=tarih
ýadygärlik=anıt batyr=kahraman batyrlyk=cesaret tomaşaçy=izleyici diňleýji=dinleyici okyjy=okuyucu
janköýer=taraftar gomoseksual=eşcinsel aşyk=aşık arkalaşyk=birlik zal=salon ybarat=ibaret gudrat=mucize
otel=otel kazino=kumarhane klub=kulüp~kulüb aýyplama=suçlama günäkärleme=suçlama sargyt=sipariş
kislorod=oksijen kärende=kira gum=kum masgara=rezil masgaraçylyk=rezillik desga=tesis gyzjagaz=küçük_kız
oglanjyk=küçük_oğlan profil=profil müdiriýet=müdürlük düzüm=yapı düzüminde=bünyesinde atletika=atletizm
göwreli=hamile göwrelilik=hamilelik moda=moda töwekgelçilik=risk gaýgy=kaygı ähtimallyk=olasılık
umman=okyanus sammit=zirve ykbal=kader agdarylyşyk=darbe orunbasar=yardımcı ýewreý=Yahudi nasist=Nazi
režim=rejim lager=kamp nyşan=sembol stol=masa şem=mum köşk=saray ýanýoldaş=eş faktor=faktör nagt=nakit
allergiýa=alerji atyşyk=çatışma güman=şüphe federal=federal pyýada=yaya ýoda=yol üpjünçi=tedarikçi
üpjünçilik=tedarik awtokrat=otokrat mätäçlik=ihtiyaç hajat=ihtiyaç hajathana=tuvalet höwesli=istekli
depressiýa=depresyon insult=inme stres=stres rak=kanser düwnük=tümör wirus=virüs koronawirus=koronavirüs
pandemiýa=pandemi sanjym=aşı epidemiýa=salgın ýygy=sık ýygylyk=sıklık rowaýat=efsane ertek=masal
gylyç=kılıç ok-ýaý=ok tradisiýa=gelenek däp-dessur=gelenek sagdynlyk=sağlık geň-taň=şaşkın zarba=darbe
urgy=vuruş pas=pas tälimat=talimat sportçy=sporcu futbol=futbol woleýbol=voleybol basketbol=basketbol
tennis=tenis golf=golf küşt=satranç uruş-söweş=savaş esgerlik=askerlik ofiser=subay admiral=amiral
flot=filo uçarman=pilot kosmos=uzay planeta=gezegen alymlar=bilim_insanları barlaghana=laboratuvar
gözleg=arama gözlegçi=araştırmacı barlag-gözleg=araştırma açyş=keşif tehnika=teknik enjamlaşdyryş=donanım
emeli=yapay intellekt=zeka robot=robot faýl=dosya bukja=klasör papka=klasör düwme=düğme parol=parola
açar=anahtar açarsöz=parola giriş=giriş sazlama=ayar üýtgeşme=değişiklik üýtgeşiklik=değişiklik
wersiýa=sürüm göçürme=kopya indeks=dizin sözbaşy=başlık tablisa=tablo setir=satır sütün=sütun öýjük=hücre
kitaphana=kütüphane terjime=çeviri terjimeçi=çevirmen bildiriş=bildirim tor=ağ serwer=sunucu kod=kod
ulanyş=kullanım ýaramly=geçerli ýaramsyz=geçersiz nädogry=hatalı uzynlyk=uzunluk ini=genişliği
giňlik=genişlik bahalandyrma=değerlendirme goşundy=ek okalmadyk=okunmamış ýüklenme=yükleme çalgy=bağlantı
belgilik=işaret bellikler=notlar sebet=sepet kepillik=garanti kepillendiriş=garanti hukukly=haklı
deňhukukly=eşit_haklı deňhukuklylyk=eşitlik gynama=işkence tussaglyk=tutukluluk
eldegrilmesizlik=dokunulmazlık eýeçilik=mülkiyet mülk=mülk wyždan=vicdan dünýägaraýyş=dünya_görüşü
ýygnanyşyk=toplantı çagalyk=çocukluk enelik=annelik mertebe=onur çäklendirme=sınırlama bozma=ihlal
goraglylyk=güvenlik ykrar=kabul ahlaklylyk=ahlak nika=evlilik gatnaşyklar=ilişkiler asyl=asıl~asl
kowum=kavim~kavm tire=boy taýpa=kabile söhbet=sohbet söhbetdeşlik=röportaj ýylgyryş=gülümseme
gözýaş=gözyaşı düýş=rüya tagam=yemek naharhana=restoran aşhana=mutfak haly=halı ýüpek=ipek pagta=pamuk
bugdaý=buğday üzüm=üzüm gawun=kavun garpyz=karpuz erik=kayısı nar=nar limon=limon banan=muz
kartoşka=patates käşir=havuç sogan=soğan sarymsak=sarımsak burç=biber tüwi=pirinç ir-iýmiş=meyve
towuk=tavuk ördek=ördek horaz=horoz düýe=deve eşek=eşek geçi=keçi guzy=kuzu tilki=tilki aýy=ayı
arslan=aslan maýmyn=maymun pil=fil syçan=fare towşan=tavşan kebelek=kelebek ary=arı garynja=karınca
möý=örümcek ýaprak=yaprak kök=kök ýüzük=yüzük monjuk=boncuk oturgyç=sandalye krowat=yatak halta=çanta
sumka=çanta aýna=cam çemçe=kaşık çarşak=çatal käse=kase çäýnek=çaydanlık kofta=bluz jorap=çorap
jalbar=pantolon telpek=şapka papak=şapka guşak=kemer ädik=çizme gülli=çiçekli burun=burun~burn
dodak=dudak diş=diş boýun=boyun~boyn egin=omuz gol=kol barmak=parmak garyn=karın~karn dyz=diz
dyrnak=tırnak gaş=kaş kirpik=kirpik ökje=topuk deri=deri öýken=akciğer bagyr=karaciğer böwrek=böbrek
ganazlyk=kansızlık üsgülewük=öksürük dümew=grip demirgazyk-gündogar=kuzeydoğu günorta-gündogar=güneydoğu
günorta-günbatar=güneybatı demirgazyk-günbatar=kuzeybatı çuňluk=derinlik agram=ağırlık agramly=ağır
göwrüm=hacim~hacm çaltlyk=hız basyş=basınç~basınç kuwwatly=güçlü gowşak=zayıf ejiz=zayıf ýalta=tembel
zähmetsöýer=çalışkan edepli=terbiyeli gödeklik=kabalık sahy=cömert husyt=cimri batyrgaý=cesur
gorkak=korkak akylsyz=akılsız samsyk=aptal däli=deli ýaşuly=yaşlı pälwan=güreşçi pälwanlyk=güreş
"""
# Politics, justice, business and time again.
NOUNS += """
mugallymçylyk=öğretmenlik arkadag=arkadağ hökümetara=hükümetlerarası döwletara=devletlerarası
ministrler=bakanlar kabinet=kabine ähtnama=anlaşma pakt=pakt borçnama=taahhüt ylalaşyklar=anlaşmalar
dostluk=dostluk ynanyşmak=güven şertnamalaýyn=sözleşmeli gümrükhana=gümrük hümmet=değer gymmatly=değerli
hümmetli=değerli çykaryş=çıkarma gazyp=kazıp dörän=doğan ugurdaş=yönünde tertipnama=tüzük
düzgünnama=yönetmelik maşgalaly=evli öýlenen=evli sallah=bekar dul=dul ýesir=esir ýesirlik=esaret
garyp-gasar=yoksul betpäl=kötü_niyetli pähim=bilgelik pähimli=bilge sapaly=keyifli keýp=keyif
keýpiçag=keyifli hezil=keyif lezzet=lezzet tolgunma=heyecan tolgundyryjy=heyecan_verici gaharjaň=öfkeli
gahar-gazap=öfke göwnüçökgün=üzgün umytsyz=umutsuz umytsyzlyk=umutsuzluk umytly=umutlu ynamsyz=güvensiz
ynamsyzlyk=güvensizlik ynamdar=güvenilir ynamdarlyk=güvenilirlik wepaly=vefalı dönük=hain dönüklik=ihanet
hile=hile hileger=hilekar ýalançy=yalancı dogruçyl=dürüst güwä=tanık güwänama=belge şaýatlyk=tanıklık
subutnamaly=kanıtlı jenaýatkär=suçlu ganhor=katil ganhorluk=cinayet talaň=yağma gorkuzma=tehdit
haýbat=tehdit girew=rehin girewine=rehin zamun=rehine zyndan=zindan gabaw=kuşatma basybalyjy=işgalci
basybalyş=işgal özbaşdaklyk=özerklik garaşlylyk=bağımlılık garaşly=bağımlı jemgyýetçi=aktivist
aktiwist=aktivist işewür=iş_adamı işewürlik=iş biznes=iş biznesmen=iş_adamı direktorlar=direktörler
paýdar=hissedar paýnama=hisse aksiýa=hisse gazna=fon gaznasy=fonu fond=fon býuro=büro nobat=sıra
nobatdaky=sıradaki möhletinden=süresinden gijelik=gecelik kanikul=tatil rugsatnama=izin
ýolagçylar=yolcular gatnaw=ulaşım ulgamlaýyn=sistemli halasgär=kurtarıcı hadysaly=olaylı
betbagtçylykly=felaketli ýitgili=kayıplı pidalar=kurbanlar heläk=ölü ölen=ölü ölenler=ölenler
ýaralanan=yaralı ýaralananlar=yaralılar ýaralanma=yaralanma seredilýän=bakılan görkeziji=gösterge
görkeziş=gösteri görkezmeler=talimatlar mysaly=örneği mysallar=örnekler görelde=örnek täzelikler=haberler
täzelenme=güncelleme täzelenen=güncellenen saýlawlar=seçimler sesberişlik=oylama sesleri=oyları
bölünişik=bölünme çykalga=çözüm barlaýjy=denetçi aýdyň=açık aýdyňlyk=açıklık anyklyk=kesinlik
nätakyk=belirsiz nätanyş=yabancı tanyş=tanıdık keseki=yabancı ýat=yabancı watandaş=yurttaş ildeş=hemşeri
ýaşaýjylar=sakinler ýerleşim=yerleşim ýerasty=yeraltı ýerüsti=yerüstü suwasty=su_altı
howaýollary=hava_yolları deňizýaka=sahil gysgaça=kısaca uzakmöhletli=uzun_vadeli
gysgamöhletli=kısa_vadeli ýokarymähnetli=yüksek giçki=geç irki=erken günortan=öğlen
günortanlyk=öğle_yemeği agşamlyk=akşam_yemeği ertirlik=kahvaltı ertirki=yarınki ertesi=ertesi
düýnki=dünkü geçenki=geçen ýylky=yıl aýky=ay dogluş=doğum toýlaryň=düğünlerin oraza=oruç gurban=kurban
namaz=namaz imam=imam pir=pir keramat=kutsal mukaddes=kutsal
"""
# Programs and wikis: links, edits, filters, browsers.
NOUNS += """
çykgyt=bağlantı tekst=metin~metn filtr=filtre özgerdiş=düzenleme adres=adres awtomatik=otomatik
awtomatiki=otomatik awtomatlaşdyrylan=otomatik sessiýa=oturum şablon=şablon blokirleme=engelleme bot=bot
wiki=viki süzgüç=süzgeç patrul=devriye daşarky=dış içerki=iç wizual=görsel goýy=kalın
administrator=yönetici administratiw=yönetim model=model tip=tür jiklik=ayrıntı jik=ayrıntı
jikme-jik=ayrıntılı skript=betik anonim=anonim opsiýa=seçenek status=durum teg=etiket kursiw=italik
maksimum=maksimum minimum=minimum obýekt=nesne gönükdirme=yönlendirme parametr=parametre redaktor=editör
modul=modül mediýa=medya miniatýura=küçük_resim element=öge gulp=kilit gulply=kilitli şahsyýetnama=kimlik
hyýanatçylyk=kötüye_kullanım guty=kutu gutujyk=kutucuk blok=blok sensor=sensör format=biçim
dublikat=kopya habarlaşyk=iletişim ýagtylyk=parlaklık ammar=depo ygtyýarnama=lisans domen=alan_adı
baýt=bayt kilobaýt=kilobayt megabaýt=megabayt brauzer=tarayıcı interfeýs=arayüz sintaksis=söz_dizimi
prefiks=ön_ek sitata=alıntı funksiýa=işlev galereýa=galeri piksel=piksel standart=standart
nawigasiýa=gezinti näsaz=bozuk näsazlyk=arıza alternatiw=alternatif abatlaýyş=bakım proksi=vekil_sunucu
lokal=yerel forma=form bitin=tam dowamlylyk=süre dowamly=sürekli ygtybarly=güvenilir argument=argüman
panel=panel çalşyrma=değiştirme menýu=menü şrift=yazı_tipi arhiw=arşiv statistika=istatistik
wandalizm=vandallık kuki=çerez katalog=katalog gollanma=kılavuz metod=yöntem synp=sınıf ýüztutma=başvuru
giňeltme=uzantı wariant=seçenek abuna=abonelik portret=portre peýzaž=manzara gündiz=gündüz
üýtgeşik=farklı prowaýder=sağlayıcı diapazon=aralık kesgitli=belirli material=materyal birugsat=izinsiz
bezeg=süsleme defis=kısa_çizgi web=web sahypalaýyn=sayfa_sayfa ekspozisiýa=pozlama kenarýan=kenar
hökmany=zorunlu hemişelik=kalıcı möwrit=süre öňküsi=önceki beýlekiler=diğerleri köpmanyly=çok_anlamlı
enjamlar=cihazlar mahal=zaman yzygiderli=sürekli yzygiderlik=dizi gollanyş=kullanım ilteşik=bağlantı
"""
# Countries, cities, months: the Turkmen forms came through Russian.
NOUNS += """
türkmenistan=Türkmenistan aşgabat=Aşkabat russiýa=Rusya amerika=Amerika angliýa=İngiltere
britaniýa=Britanya germaniýa=Almanya fransiýa=Fransa italiýa=İtalya ispaniýa=İspanya gresiýa=Yunanistan
türkiýe=Türkiye eýran=İran owganystan=Afganistan hindistan=Hindistan ýaponiýa=Japonya koreýa=Kore
ukraina=Ukrayna polşa=Polonya şotlandiýa=İskoçya irlandiýa=İrlanda uels=Galler norwegiýa=Norveç
şwesiýa=İsveç şweýsariýa=İsviçre finlýandiýa=Finlandiya daniýa=Danimarka gollandiýa=Hollanda
niderlandlar=Hollanda belgiýa=Belçika awstriýa=Avusturya wengriýa=Macaristan rumyniýa=Romanya
bolgariýa=Bulgaristan serbiýa=Sırbistan horwatiýa=Hırvatistan çehiýa=Çekya awstraliýa=Avustralya
kanada=Kanada meksika=Meksika braziliýa=Brezilya argentina=Arjantin çili=Şili boliwiýa=Bolivya peru=Peru
kolumbiýa=Kolombiya wenesuela=Venezuela kuba=Küba indoneziýa=Endonezya malaýziýa=Malezya
filippinler=Filipinler wýetnam=Vietnam tailand=Tayland pakistan=Pakistan siriýa=Suriye yrak=Irak
ysraýyl=İsrail müsür=Mısır saud=Suudi arabystan=Arabistan ýemen=Yemen gazagystan=Kazakistan
özbegistan=Özbekistan gyrgyzystan=Kırgızistan täjigistan=Tacikistan ermenistan=Ermenistan
gruziýa=Gürcistan belarus=Belarus ýewropa=Avrupa aziýa=Asya afrika=Afrika hazar=Hazar moskwa=Moskova
london=Londra pariž=Paris berlin=Berlin waşington=Washington pekin=Pekin kaliforniýa=Kaliforniya
florida=Florida wirjiniýa=Virginia ýanwar=Ocak fewral=Şubat mart=Mart aprel=Nisan maý=Mayıs iýun=Haziran
iýul=Temmuz awgust=Ağustos sentýabr=Eylül oktýabr=Ekim noýabr=Kasım dekabr=Aralık olimpiýa=Olimpiyat
tramp=Trump putin=Putin obama=Obama nýu=New ýork=York abş=ABD bmg=BM
"""

# Stems that take the suffixes of verbs.
VERBS = """
bol=ol et=et ber=ver al=al gel=gel git=git bar=git dur=dur otur=otur ýat=yat ýör=yürü gal=kal goý=koy
sal=sal düş=düş tut=tut diý=de aýt=söyle aýdyl=söylen gör=gör görün=görün görkez=göster seret=bak bak=bak
çyk=çık çykar=çıkar gir=gir giriz=gir geç=geç geçir=geçir geçiril=düzenlen başla=başla başlan=başla
başlat=başlat gutar=bitir tamamla=tamamla tamamlan=tamamlan işle=çalış ýaşa=yaşa doguş=doğ dogul=doğ
dog=doğ öl=öl öldür=öldür oka=oku okat=okut okyt=okut ýaz=yaz ýazyl=yazıl bil=bil bildir=bildir
düşün=anla düşündir=açıkla aňla=anla aňlat=ifade_et öwren=öğren öwret=öğret oýla=düşün oýlan=düşün
pikirlen=düşün isle=iste söý=sev halla=beğen begen=sevin gork=kork gyzyklan=ilgilen ynan=inan
şübhelen=şüphelen ýatla=hatırla unut=unut ýada=yorul ýitir=kaybet ýit=kaybol tap=bul tapyl=bulun
gözle=ara gözleş=ara agtar=ara sora=sor soral=sorul jogapla=cevapla gürle=konuş gürleş=konuş geple=konuş
gepleş=konuş çagyr=çağır haýyş=rica_et buýur=emret tabşyr=emanet_et tabşyryl=emanet_edil goş=ekle
goşul=katıl gatnaş=katıl gat=kat bölün=bölün böl=böl bölüş=paylaş aýryl=ayrıl aýyr=ayır aç=aç açyl=açıl
ýap=kapat ýapyl=kapan döret=yarat döredil=oluşturul döre=ortaya_çık dörä=ortaya_çık gur=kur gural=kurul
gurna=düzenle gurnal=düzenlen gura=düzenle düz=düzenle düzet=düzelt üýtge=değiş üýtget=değiştir
çalyş=değiştir öwür=çevir öwrül=dönüş dolan=dön gaýt=dön gaýtar=geri_ver gaýtala=tekrarla getir=getir
äkit=götür eltip=götür elt=götür iber=gönder ugrat=gönder ugra=yola_çık alyş=al sat=sat satyn=satın
töle=öde tölen=öden gazan=kazan utul=yenil ut=yen ýeň=yen ýeňil=yenil göreş=mücadele_et uruş=savaş
söweş=savaş hüjüm=saldır gora=koru goran=korun sakla=koru saklan=korun goldan=desteklen golda=destekle
garaş=bekle garaşyl=beklen garşyla=karşıla garşylaş=karşılaş tassykla=onayla tassyklan=onaylan
kabul=kabul ret=reddet gadagan=yasakla çäklendir=sınırla çäklen=sınırlan kynlaş=zorlaş gözegçilik=denetle
barla=kontrol_et barlan=kontrol_edil derňe=araştır derňel=araştırıl öwer=öv günäle=suçla günäkärle=suçla
günäkärlen=suçlan aýypla=suçla aýyplan=suçlan ýöňkel=suçlan ýöňke=yükle jezalandyr=cezalandır yglan=ilan
habarla=haber_ver belle=belirt bellen=belirlen kesgitle=belirle kesgitlen=belirlen belgile=işaretle
nygta=vurgula nygtal=vurgulan beýan=beyan teklip=teklif_et çözül=çözül çöz=çöz saýla=seç saýlan=seçil
dalaş=yarış bäsleş=yarış oýna=oyna oýnat=oynat oýnal=oynan diňle=dinle eşit=duy eşidil=duyul duý=hisset
duýul=hissedil tomaşa=izle synla=izle synlan=izlen yzarla=takip_et yzarlan=takip_edil barlaş=kontrol_et
synanyş=dene synap=dene syna=dene peýdalan=yararlan ulan=kullan ulanyl=kullanıl üpjün=sağla ýet=ulaş
ýetir=ulaştır ýetil=ulaşıl ýeteril=ulaştırıl ýüklen=yüklen ýükle=yükle göçür=kopyala göç=göç_et
göter=kaldır göteril=yüksel galdyr=kaldır galdyryl=kaldırıl ýokarlan=yüksel ýokarlandyr=yükselt
ýokarla=yüksel peselt=düşür pesel=düş azal=azal azalt=azalt köpel=çoğal köpelt=çoğalt art=art
artdyr=artır ös=geliş ösdür=geliştir ösdüril=geliştiril ulal=büyü ulalt=büyüt giňel=genişle
giňelt=genişlet dowam=devam güýçlen=güçlen güýçlendir=güçlendir gowulan=iyileş gowulandyr=iyileştir
gowulaş=iyileş erbetleş=kötüleş ýaýra=yayıl ýaýrat=yay ýaýyl=yayıl çap=yayınla neşir=yayınla bas=bas
basyl=basıl çek=çek çekil=çekil at=at atyl=atıl taşla=bırak taşlan=bırakıl oklan=atıl okla=at gaç=kaç
ylga=koş uç=uç ýüz=yüz ýykyl=yıkıl ýyk=yık gyr=kır döw=kır döwül=kırıl ýok=yok kes=kes kesil=kesil ur=vur
urul=vurul partla=patla partlat=patlat ýan=yan ýak=yak ýandyr=yak geý=giy geýin=giyin iý=ye iç=iç
ukla=uyu oýan=uyan oýar=uyandır ýuw=yıka ýuwun=yıkan arassala=temizle bişir=pişir ek=ek or=biç bez=süsle
bejer=tedavi_et bejeril=tedavi_edil kesele=hastalan emdir=emzir sag=sağ agla=ağla gül=gül gülüş=gül
ýylgyr=gülümse gygyr=bağır öp=öp gujakla=kucakla öýlen=evlen boşat=boşalt boşadyl=serbest_bırakıl
öndür=üret öndüril=üretil gurul=kurul ýerleş=yer_al ýerleşdir=yerleştir ýerleşdiril=yerleştiril
guýul=dökül guý=dök doldur=doldur dol=dol dolduryl=doldurul boşa=boşal bag=bağ bagla=bağla baglan=bağlan
baglaş=anlaş birikdir=birleştir birik=birleş birleş=birleş birleşdir=birleştir deňeşdir=karşılaştır
deňe=karşılaştır tapawutlan=farklı_ol meňze=benze laýyk=uy gabat=denk uý=uy öçür=sil öçüril=silin poz=sil
pozul=bozul sana=say sanal=sayıl hasapla=hesapla hasaplan=sayıl ölçe=ölç gymmatlan=değerlen
bahala=değerlendir bahalan=değerlendiril goýber=bırak goýberil=serbest_bırakıl goýul=konul düzül=oluş
durul=kurul öwrenil=öğrenil tana=tanı tanal=tanın tanat=tanıt tanyşdyr=tanıt tanyş=tanış düýş=düş
beril=veril alyn=alın getiril=getiril sür=sür sürül=sürül çagyryl=çağrıl atlandyr=adlandır
atlandyryl=adlandırıl gözden=gözden gez=gez gezil=gezil ýüzlen=başvur ýüzlenil=başvurul ýola=yol
gönükdir=yönelt gönükdiril=yöneltil gönük=yönel bozul=bozul boz=boz ýaramazlaş=kötüleş heläk=öl
ýaralan=yaralan ýarala=yarala gynan=üzül utan=utan aljyra=şaşır geňirgen=şaşır gözlen=aran hödürle=öner
hödürlen=öneril maslahat=öner dolandyr=yönet dolandyryl=yönetil edil=edil edin=edin eýele=sahiplen
eýelen=işgal_et giýdir=giydir saýyl=sayıl saý=say gyzdyr=ısıt sowa=soğu ere=eri dög=döğ taýýarla=hazırla
taýýarlan=hazırlan ýygna=topla ýygnan=toplan topla=topla toplan=toplan jemle=topla üýş=toplan ýaşyr=gizle
ýaşyn=gizlen gizle=gizle goýun=koyun ynandyr=inandır çeý=çiğne goýal=koy howlukdyr=hızlandır
howluk=acele_et tizleş=hızlan tizlen=hızlan çaltlan=hızlan çaltlandyr=hızlandır durmuşa=gerçekleş
amal=gerçekleş ele=ele aman=kurtul halas=kurtar gutul=kurtul
"""
VERBS += """
seljer=analiz_et seljeril=analiz_edil salgylan=atıfta_bulun tankytla=eleştir tankytlan=eleştiril
höweslendir=teşvik_et höweslen=heveslen jaňla=ara anykla=belirle anyklan=belirlen zyň=at düşür=düşür
düşüril=düşürül sylagla=ödüllendir sylaglan=ödüllendiril hormatla=saygı_göster buýsan=gurur_duy
guwan=gurur_duy gijik=gecik dargat=dağıt darga=dağıl paýlaş=paylaş paýla=dağıt kanagatlan=tatmin_ol
kanagatlandyr=tatmin_et süýş=kay süýşür=kaydır golaýlaş=yaklaş ýakynlaş=yaklaş çakla=tahmin_et
çaklan=tahmin_edil çaknyş=çarpış çaknyşdyr=çarpıştır bagyşla=affet bagyşlan=affedil pyçakla=bıçakla
bitir=yap gutla=kutla makulla=onayla makullan=onaylan gutlan=kutlan dogur=doğur hoşlaş=vedalaş
niýetlen=amaçlan niýetle=amaçla esaslan=dayan esaslandyr=kur esaslandyryl=kurul mahabatlandyr=tanıt
ýygnanyş=toplan berkit=pekiştir pugtalandyr=güçlendir arala=arala gaýtalan=tekrarlan ýarat=yarat
ýaraş=yaraş ýara=yara biç=biç dik=dik tik=dik tow=çevir aýla=döndür aýlan=dön aýlandyr=döndür çözle=çöz
kemsit=aşağıla kemsidil=aşağılan masgarala=alay_et ýaňsyla=alay_et sataş=sataş ynjyt=incit zorla=zorla
zorlan=zorlan gyna=işkence_et aşyr=gerçekleştir aşyryl=gerçekleştiril gatnat=ulaştır gatna=gidip_gel
uçra=karşılaş uçraş=karşılaş duş=karşılaş duşuş=görüş ugruk=yönel dön=dön gop=kop syn=kırıl syndyr=kır
sowul=ayrıl daşlaş=uzaklaş daşlaşdyr=uzaklaştır uzaklaş=uzaklaş düşündiril=açıklan haýyşla=rica_et öt=geç
söndür=söndür sön=sön ört=ört örtül=örtül as=as asyl=asıl çal=çal çalyn=çalın gozga=harekete_geçir
gozgal=kımılda titre=titre yran=sallan ýatyr=durdur ýatyryl=durdurul es=es ýag=yağ gap=kap gys=sık
gysyl=sıkıl sözle=konuş çekin=çekin oturt=oturt boýa=boya mün=bin aýrylyş=boşan ýetiş=yetiş
ýetişdir=yetiştir başar=başar başart=başar öwzar=öde dikelt=yeniden_kur dikeldil=yeniden_kurul
dikel=iyileş sagal=iyileş sagalt=iyileştir gidermek=gider gider=gider aladalan=endişelen
aladalandyr=endişelendir howatyrlan=endişelen tolgun=heyecanlan tolgundyr=heyecanlandır gaharlan=öfkelen
gaharlandyr=öfkelendir şatlan=sevin şatlandyr=sevindir begendir=sevindir gynandyr=üz gorkuz=korkut
haýbat=tehdit ümsüm=sus dym=sus dymdyr=sustur sesler=ses jikme=ayrıntı nazarla=hedefle aňaly=anla
aňyl=anlaşıl seslen=seslen sesle=oy_ver goşuş=katkı_yap gazyl=kazıl gaz=kaz göm=göm gömül=gömül jaýla=göm
jaýlan=gömül kow=kov kowul=kovul kowala=kovala kowalan=kovalan süýre=sürükle itekle=it iter=it
çykaryl=çıkarıl çykarma=çıkar okadyl=okutul öwredil=öğretil okal=okun ýazdyr=yazdır terjime=çevir
terjimele=çevir redaktirle=düzenle üýtgedil=değiştiril ýüklet=yükle indir=indir sazla=ayarla
sazlan=ayarlan düzedil=düzeltil göçüril=kopyalan tapdyr=buldur goşmaça=ekle açdyr=açtır
gaýtaryl=geri_veril ýüklenil=yüklen saklanyl=saklan girizil=giril tassyklanyl=onaylan ýerine=yerine
talap=talep sargyt=sipariş sarga=sipariş_et sargal=sipariş_edil iberil=gönderil ugradyl=gönderil
görkezil=gösteril görül=görül görüş=görüş gözegçi=denetle ulanylma=kullanıl atar=at oklat=at
seredil=bakıl garal=bakıl gara=bak sered=bak düşünil=anlaşıl tanyl=tanın bilin=bilin bilniş=bilin
bildiril=bildiril habar=haber öwün=övün öwgüle=öv ýazgar=kına ýazgaryl=kınan näletle=lanetle
garalan=karalan garala=karala maslahatlaş=danış gürleşil=konuşul çekeleş=tartış jedelleş=tartış
dawalaş=tartış ylalaş=anlaş razylaş=anlaş barlyş=barış gutaryl=bitiril tamaman=tamamla gutarnyk=bit
soňlan=sona_er soňla=sonlandır ýetiril=ulaştırıl golaýla=yaklaş baryl=gidil baryş=git geziş=gez
ýollan=gönderil ýolla=gönder ýaşat=yaşat ölçen=ölçül deňleş=eşitle ýeňle=kolaylaştır ýeňilleş=kolaylaş
ýeňilleşdir=kolaylaştır aňsatlaş=kolaylaş aňsatlaşdyr=kolaylaştır çylşyrymlaşdyr=karmaşıklaştır
kynlaşdyr=zorlaştır ýokaryla=yüksel arzanla=ucuzla gymmatla=pahalan kämilleşdir=geliştir kämilleş=geliş
döwrebaplaşdyr=modernleştir täzele=yenile täzelen=yenilen dürlüleşdir=çeşitlendir giňeldil=genişletil
berkidil=pekiştiril artdyryl=artırıl köpeldil=artırıl azaldyl=azaltıl peseldil=düşürül
çäklendiril=sınırlan hereket=hareket ymtyl=çabala synag=dene kepillendir=garanti_et
kepillendiril=garanti_edil ygtyýarlandyr=yetkilendir borçlan=yükümlen borçlandyr=yükümlendir utuş=kazan
utduryl=kaybet utdur=kaybet ýeňdir=yen ýaryş=yarış ata=at depele=döv dep=tekmele atyş=çatış
öldüril=öldürül gyryl=kırıl gyrnal=kırıl ýumrul=yıkıl ýumur=yık suwa=sıva boýan=boyan gurlan=kurulan
ýasa=yap ýasal=yapıl öýken=öykün meňzet=benzet tapawutlandyr=ayırt_et aýyl=ayıl oýat=uyandır uklat=uyut
ýuwut=yut çeýne=çiğne ys=kok ysga=kokla dada=tat süz=süz guraý=kuru gurat=kurut eret=erit doňdur=dondur
doň=don gaýna=kayna gaýnat=kaynat gowur=kavur ogurla=çal ogurlan=çalın zaýala=boz zaýalan=bozul
"""
# Programs again.
VERBS += """
blokirle=engelle blokirlen=engellen importirle=içe_aktar eksportirle=dışa_aktar gulpla=kilitle
gulplan=kilitlen tykla=tıkla tertiple=sırala tertiplen=sıralan çalşyr=değiştir çalşyryl=değiştiril
abatla=onar togtat=durdur togtadyl=durdurul habarlaş=iletişim_kur bökde=engelle bökdel=engellen
işjeňleşdir=etkinleştir işjeňleşdiril=etkinleştiril takykla=belirginleştir ýagtylandyr=aydınlat uzal=uza
uzalt=uzat uzaldyl=uzatıl gaçyr=kaçır beze=süsle beýgel=yüksel kiçelt=küçült kiçeldil=küçültül
saklat=sakla ýatlat=hatırlat peýdalanyl=kullanıl
"""
