// Dialogs for models and data, and the menu of files to take away.

import { $, el } from "./dom.js";

/** Let a dialog close by its button, by Escape, and by a click beside it. */
function closable(dialog) {
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

/** Put the text of a chosen file into an area of text. */
function readInto(file, area) {
  file.addEventListener("change", async () => {
    if (file.files.length) area.value = await file.files[0].text();
    file.value = "";
  });
}

export function modelDialog(load) {
  const dialog = $("models");
  closable(dialog);
  readInto($("model-file"), $("model-text"));
  let rows = [];
  const filter = () => {
    const words = $("model-search").value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { node, text } of rows) node.hidden = !words.every((w) => text.includes(w));
  };
  const take = async (question, error, text = null) => {
    error.textContent = "";
    try {
      await load(question, text);
      dialog.close();
    } catch (problem) {
      error.textContent = problem.message;
    }
  };
  $("choose").addEventListener("click", () => {
    dialog.showModal();
    $("model-search").focus();
  });
  $("model-search").addEventListener("input", filter);
  $("model-search").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    rows.find(({ node }) => !node.hidden)?.node.querySelector("button").click();
  });
  $("open-model").addEventListener("click", () => take({ kind: "open", text: $("model-text").value }, $("model-error"), $("model-text").value));
  return {
    fill(models) {
      rows = models.map((m) => ({
        text: `${m.name} ${m.title} ${m.routes}`.toLowerCase(),
        node: el("li", {}, el("button", { type: "button", onclick: () => take({ kind: "describe", model: m.name }, $("model-error")) },
          el("b", {}, m.name), el("span", {}, m.title), el("small", {}, `${m.states} states${m.routes ? ` · ${m.routes}` : ""}`))),
      }));
      $("model-list").replaceChildren(...rows.map(({ node }) => node));
      filter();
    },
  };
}

export function dataDialog(lay) {
  const dialog = $("data");
  closable(dialog);
  readInto($("data-file"), $("data-text"));
  $("open-data").addEventListener("click", () => dialog.showModal());
  $("lay-over").addEventListener("click", async () => {
    $("data-error").textContent = "";
    try {
      const { observations, unmatched } = await lay($("data-text").value);
      $("data-note").textContent = `${observations} observations.${unmatched.length ? ` No arm is called ${unmatched.join(", ")}.` : ""}`;
      dialog.close();
    } catch (error) {
      $("data-error").textContent = error.message;
    }
  });
  $("remove-data").addEventListener("click", async () => {
    await lay(null);
    $("data-note").textContent = "";
    dialog.close();
  });
}

export function exportMenu(state, seen, line, say) {
  const menu = $("export");
  document.addEventListener("click", (event) => menu.contains(event.target) || (menu.open = false));
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  for (const button of menu.querySelectorAll("button")) {
    button.addEventListener("click", async () => {
      const arm = button.dataset.arm ? state.scene.arms[state.selected].name : null;
      menu.open = false;
      try {
        const { head, body } = await line.ask({ kind: "export", what: button.dataset.what, arm, ...seen() });
        save(head.name, new Blob([body], { type: head.type }));
      } catch (error) {
        say(error.message);
      }
    });
  }
}

function save(name, blob) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
