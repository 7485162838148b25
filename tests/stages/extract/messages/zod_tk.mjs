const hata = () => {
  const Names = { url: "salgy", 'iso': "sene" };
  return (issue) => {
    switch (issue.code) {
      case "too_big": {
        if (sizing)
          return `Köp: ${issue.origin ?? "baha"} ${adj} ${issue.maximum.toString()} ${sizing.unit ?? "san"}`;
        return `Köp: ${adj} ${issue.maximum.toString()}`;
      }
      case "keys":
        return `${util.join(issue.keys, ", ")}: artykmaç açar${issue.keys.length > 1 ? "lar" : ""}`;
      case "one":
        return `${issue.values[0]}, başga ýok`;
      case "format":
        return `Nädogry ${Names[issue.format] ?? issue.format}`;
      default:
        return "Ýalňyşlyk";
    }
  };
};
