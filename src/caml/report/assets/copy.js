"use strict";
const copyText = async (text, button) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const before = button.textContent;
  button.textContent = "copied";
  setTimeout(() => { button.textContent = before; }, 1500);
};
for (const button of document.querySelectorAll("button[data-copies]")) {
  button.onclick = () => copyText(document.getElementById(button.dataset.copies).textContent, button);
}
