"use strict";
(() => {
  const table = document.getElementById("images");
  if (!table) return;
  const heads = [...table.querySelectorAll("th")];
  const body = table.tBodies[0];
  const value = (cell) => {
    if (cell.dataset.value === undefined) return cell.textContent;
    const number = Number(cell.dataset.value);
    return Number.isNaN(number) ? null : number;
  };
  heads.forEach((head, i) => {
    head.firstElementChild.onclick = () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      const sign = down ? -1 : 1;
      const rows = [...body.rows].sort((a, b) => {
        const one = value(a.cells[i]), two = value(b.cells[i]);
        if (one === null || two === null) return (one === null) - (two === null);
        return one < two ? -sign : one > two ? sign : 0;
      });
      body.append(...rows);
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
    };
  });
  document.getElementById("table-copy").onclick = (event) => {
    const lines = [heads, ...[...body.rows].map((row) => [...row.cells])].map((cells) => cells
      .map((cell) => cell.dataset.value ?? cell.textContent.trim()).join("\t"));
    copyText(lines.join("\n"), event.target);
  };
})();
