// What the page can do beyond its forms: take what is dropped or pasted, show
// how far it is, break off, and show the answer in place. The answer is the same
// page that the forms would lead to; its part is moved over here.
"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const status = at("status"), say = status.dataset, limit = Number(say.max);
  const fileForm = at("file-form"), file = at("file"), text = at("text");
  let running = null; // the request under way
  let picture = "", name = ""; // of what is asked about: the preview's address, the file's name

  const tell = (message) => {
    at("live").textContent = message;
    at("saying").textContent = message;
    at("cancel").hidden = at("progress").hidden = running === null;
    status.hidden = message === "";
  };

  const show = (answer) => {
    const part = answer && answer.getElementById("result");
    if (!part) {
      tell(say.broken);
      return;
    }
    at("result").replaceChildren(...part.childNodes);
    document.title = answer.title;
    const verdict = at("result").querySelector(".verdict");
    if (verdict && name !== "") {
      const said = document.createElement("bdi");
      said.className = "quiet";
      said.textContent = printable(name);
      verdict.lastElementChild.append(said);
    }
    if (verdict && picture !== "") {
      const seen = new Image();
      seen.src = picture;
      seen.alt = "";
      seen.className = "seen";
      verdict.append(seen);
    }
    at("again").hidden = false;
    tell("");
    at("live").textContent = say.done;
    at("answer").focus();
  };

  // printable cuts a foreign text, and escapes what controls terminals and the
  // direction of writing.
  const printable = (words) => [...words].slice(0, 256).join("").replace(/[\p{Cc}\p{Cf}]/gu,
    (c) => "\\u" + c.codePointAt(0).toString(16).padStart(4, "0"));

  const forget = () => {
    URL.revokeObjectURL(picture);
    picture = name = "";
  };

  // ask sends one field of the form as a browser would without this script.
  const ask = (field, value) => {
    const before = running;
    running = null;
    if (before !== null) before.abort();
    forget();
    const size = value instanceof Blob ? value.size : new Blob([value]).size;
    if (size === 0) return tell(say.empty);
    if (size > limit) return tell(say.large);
    if (value instanceof File) name = value.name;
    if (value instanceof Blob && /^image\/(png|jpeg|webp)$/.test(value.type)) picture = URL.createObjectURL(value);
    const form = new FormData();
    form.append(field, value);
    const request = new XMLHttpRequest();
    const bar = at("progress");
    const ended = (then) => () => {
      if (running !== request) return;
      running = null;
      then();
    };
    request.open("POST", fileForm.action);
    request.responseType = "document";
    request.setRequestHeader("Accept", "text/html");
    request.upload.onprogress = (e) => {
      if (e.lengthComputable) bar.value = 100 * e.loaded / e.total;
    };
    request.upload.onload = () => {
      if (running !== request) return;
      bar.removeAttribute("value");
      tell(say.looking);
    };
    request.onload = ended(() => show(request.response));
    request.onerror = ended(() => tell(say.broken));
    running = request;
    bar.value = 0;
    tell(say.sending);
    request.send(form);
  };

  const cancel = () => {
    if (running === null) return;
    const request = running;
    running = null;
    request.abort();
    tell(say.cancelled);
    file.focus();
  };

  // take asks about what was dropped or pasted, and reports whether it did.
  const take = (data) => {
    if (data.files.length > 1) {
      tell(say.several);
      return true;
    }
    if (data.files.length === 1) {
      ask("file", data.files[0]);
      return true;
    }
    const words = data.getData("text/plain");
    if (words === "" || text === null) return false;
    text.value = words;
    ask("text", words);
    return true;
  };

  // report sends what a person says about the answer, and thanks in its place.
  const report = (form) => {
    const request = new XMLHttpRequest();
    const said = document.createElement("p");
    said.tabIndex = -1;
    request.open("POST", form.action);
    request.responseType = "document";
    request.onloadend = () => {
      const answer = request.response && request.response.querySelector("#result .verdict > div");
      said.textContent = answer ? answer.textContent.trim() : say.broken;
      if (request.status === 200) form.replaceChildren(said);
      else form.append(said);
      said.focus();
    };
    request.send(new URLSearchParams(new FormData(form)));
  };

  const editing = (e) => e.target instanceof Element && e.target.closest("textarea, input:not([type=file])") !== null;

  at("starts").hidden = false;
  file.setAttribute("aria-describedby", "file-hint starts");
  at("file-go").hidden = true;
  file.addEventListener("click", () => {
    file.value = ""; // so that the same file chosen again is a change
  });
  file.addEventListener("change", () => {
    if (file.files.length === 1) ask("file", file.files[0]);
  });
  fileForm.addEventListener("submit", (e) => {
    e.preventDefault();
    if (file.files.length === 1) ask("file", file.files[0]);
  });
  for (const [form, field, key] of [["text-form", text, "text"], ["link-form", at("link"), "url"]]) {
    if (field === null) continue;
    at(form).addEventListener("submit", (e) => {
      e.preventDefault();
      ask(key, field.value);
    });
  }
  document.addEventListener("submit", (e) => {
    if (e.target.id !== "feedback-form") return;
    e.preventDefault();
    report(e.target);
  });
  at("cancel").addEventListener("click", cancel);
  document.addEventListener("keydown", (e) => {
    if (e.key === "Escape") cancel();
  });
  document.addEventListener("paste", (e) => {
    if (!e.clipboardData || editing(e) && e.clipboardData.files.length === 0) return;
    if (take(e.clipboardData)) e.preventDefault();
  });
  document.addEventListener("dragover", (e) => {
    e.preventDefault();
    fileForm.classList.add("over");
  });
  document.addEventListener("dragleave", (e) => {
    if (e.relatedTarget === null) fileForm.classList.remove("over");
  });
  document.addEventListener("drop", (e) => {
    fileForm.classList.remove("over");
    if (e.dataTransfer && e.dataTransfer.files.length === 0 && editing(e)) return;
    e.preventDefault();
    if (e.dataTransfer) take(e.dataTransfer);
  });
})();
