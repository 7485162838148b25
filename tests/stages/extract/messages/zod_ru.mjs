import * as util from "./util.js";
function plural(n, one, many) { return n === 1 ? one : many; }
const error = () => {
  const Names = { url: "адрес", 'iso': "дата" };
  return (issue) => {
    switch (issue.code) {
      case "too_big": {
        const adj = issue.inclusive ? "<=" : "<";
        if (sizing) {
          const unit = plural(2, sizing.unit.one, sizing.unit.many);
          return `Много: ${issue.origin ?? "значение"} ${adj}${issue.maximum.toString()} ${unit}`;
        }
        return `Много: ${adj}${issue.maximum.toString()}`;
      }
      case "keys":
        return `Лишн${issue.keys.length > 1 ? "ие" : "ий"}: ${util.join(issue.keys, ", ")}`;
      case "one":
        return "Всего " + issue.values[0];
      case "format":
        return `Неверный ${Names[issue.format] ?? issue.format}`;
      default:
        return `Ошибка`;
    }
  };
};
export default function () { return { localeError: error() }; }
