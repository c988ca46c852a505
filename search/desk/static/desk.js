// The desk page alive: new alerts slide in, keys move and act, the page says when it has lost the server.
(() => {
  const $ = (selector) => document.querySelector(selector);
  const body = document.body;
  const list = $("#alerts");
  const title = document.title;
  const narrow = matchMedia("(max-width: 900px)");

  // What the server says of an act that it refused.
  function tell(text) {
    const box = $("#told");
    box.textContent = text;
    box.hidden = !text;
    if (text) box.scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-Form-Token"] = body.dataset.formToken;
  });
  document.addEventListener("htmx:beforeRequest", () => tell(""));
  document.addEventListener("htmx:responseError", (event) => {
    tell(event.detail.xhr.responseText || "The server refused this.");
  });
  document.addEventListener("htmx:sendError", () => tell("The server cannot be reached; is tocsin running?"));

  const pulse = $(".pulse");
  if (!pulse) return;  // the page where people sign in

  // Times in the reader's zone; the full time stands in the title.
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
  function setTimes(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      const today = at.toDateString() === new Date().toDateString();
      time.textContent = today ? clock.format(at) : `${day.format(at)} ${clock.format(at).slice(0, 5)}`;
      time.title = `${at.toLocaleString()} (${time.dateTime})`;
    }
    setAges(root);
  }
  function setAges(root) {
    for (const time of root.querySelectorAll("time[data-ago]")) {
      const seconds = Math.max(0, Math.round((Date.now() - new Date(time.dateTime)) / 1000));
      time.textContent = seconds < 120 ? `${seconds} s ago` : seconds < 7200 ? `${Math.round(seconds / 60)} min ago` : time.textContent;
    }
  }
  setTimes(document);
  setInterval(() => setAges(document), 5000);
  document.addEventListener("htmx:afterSwap", (event) => setTimes(event.detail.target.parentElement || document));

  // Alerts as they ring: server-sent events, resumed by number after the connection was lost.
  function live() {
    const source = new EventSource(`/live?after=${body.dataset.event}`);
    source.onerror = () => {
      if (!pulse.classList.contains("lost")) {
        pulse.classList.add("lost");
        pulse.textContent = "the server is away · trying again, nothing is lost";
      }
      if (source.readyState === EventSource.CLOSED) lost();
    };
    source.addEventListener("alert", (event) => {
      body.dataset.event = event.lastEventId;
      take(JSON.parse(event.data));
    });
    source.addEventListener("pulse", (event) => {
      const said = JSON.parse(event.data);
      pulse.classList.remove("lost");
      pulse.innerHTML = said.line;
      setTimes(pulse);
      for (const place of document.querySelectorAll("[data-count]")) {
        const name = place.dataset.count;
        const count = name.startsWith("desk:") ? said.desks[name.slice(5)] : said.counts[name];
        if (count !== undefined) place.textContent = count;
      }
    });
  }

  // The server refuses to stream to people who are signed out; else it is away, and comes back.
  async function lost() {
    try {
      const answer = await fetch("/live", { method: "HEAD" });
      if (answer.status === 401) { pulse.textContent = "you are signed out · load the page again"; return; }
    } catch (error) { /* away */ }
    setTimeout(live, 3000);
  }

  // What happened, one alert after the other, so that the list stands in the order in which it rang.
  const news = new Map();
  let showing = false;
  function take(said) {
    const before = news.get(said.alert);
    news.delete(said.alert);
    news.set(said.alert, { ...said, rings: said.rings || Boolean(before && before.rings) });
    if (said.rings) ring(said);
    if (list && !showing) showAll();
  }
  async function showAll() {
    showing = true;
    while (news.size) {
      const [alert, said] = news.entries().next().value;
      news.delete(alert);
      try { await show(said); } catch (error) { tell(`An alert could not be shown: ${error}. Load the page again.`); }
    }
    showing = false;
  }
  async function show(said) {
    const old = document.getElementById(`alert-${said.alert}`);
    if (!old && (!said.rings || !belongs(said))) return;
    const answer = await fetch(`/alerts/${said.alert}/card`);
    if (!answer.ok) return;
    const card = document.createRange().createContextualFragment(await answer.text()).firstElementChild;
    if (!card) return;
    setTimes(card);
    const current = old?.getAttribute("aria-current"), focused = old?.contains(document.activeElement);
    if (old && !said.rings) old.replaceWith(card);
    else {
      old?.remove();
      card.classList.add("fresh");
      const top = $(".list").scrollTop;
      list.prepend(card);
      if (top > 0) $(".list").scrollTop = top + card.offsetHeight;
    }
    $("#none")?.remove();
    if (current) card.setAttribute("aria-current", "true");
    if (focused) card.querySelector("h2 a").focus({ preventScroll: true });
    if (current && !$("#detail").contains(document.activeElement)) load(card);
  }
  const desks = JSON.parse(body.dataset.desks);  // none: all
  const belongs = (said) => (!desks.length || desks.includes(said.desk)) && ["", "open"].includes(body.dataset.show);

  let unseen = 0;
  function ring(said) {
    const announced = $("#announced");
    if (announced) announced.textContent = `New: ${said.gloss}`;
    if (localStorage.sound === "on") beep();
    if (!document.hidden && document.hasFocus()) return;
    unseen += 1;
    document.title = `(${unseen}) ${title}`;
    if (localStorage.notify === "on" && "Notification" in window && Notification.permission === "granted") {
      new Notification("Tocsin", { body: said.gloss, tag: said.alert });
    }
  }
  function beep() {
    const audio = new AudioContext(), tone = audio.createOscillator(), volume = audio.createGain();
    volume.gain.value = 0.15;
    tone.connect(volume).connect(audio.destination);
    tone.frequency.value = 660;
    tone.start();
    tone.stop(audio.currentTime + 0.15);
    tone.onended = () => audio.close();
  }
  window.addEventListener("focus", () => { unseen = 0; document.title = title; });
  live();

  // Moving and opening.
  const cards = () => [...document.querySelectorAll("#alerts article.alert")];
  const current = () => $("#alerts article[aria-current=true]");

  // The newest wish wins: what was asked for before is dropped when it comes, and the focus goes where it is awaited.
  let turn = 0, entering = false;
  async function load(card) {
    const mine = ++turn;
    try {
      const answer = await fetch(`/alerts/${card.dataset.alert}/detail`, { headers: { "HX-Request": "true" } });
      const text = await answer.text();
      if (mine !== turn) return;
      if (!answer.ok) { tell(text); return; }
      const pane = $("#detail");
      pane.innerHTML = text;
      htmx.process(pane);
      setTimes(pane);
    } catch (error) {
      if (mine === turn) tell("The server cannot be reached; is tocsin running?");
      return;
    }
    if (entering) { entering = false; $("#detail .gloss")?.focus({ preventScroll: true }); }
  }
  function choose(card) {
    for (const other of cards()) other.removeAttribute("aria-current");
    card.setAttribute("aria-current", "true");
    card.scrollIntoView({ block: "nearest" });
    card.querySelector("h2 a").focus({ preventScroll: true });
    return load(card).then(() => { $("#detail").scrollTop = 0; });
  }
  function move(step) {
    entering = false;
    const all = cards();
    if (!all.length) return;
    const at = all.indexOf(current());
    choose(all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + step))]);
  }
  function enter(card) {
    $("main.split").classList.add("open");
    entering = true;
    choose(card);
  }
  function back() {
    entering = false;
    $("main.split")?.classList.remove("open");
    current()?.querySelector("h2 a").focus();
  }
  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const card = event.target.closest("#alerts article.alert");
    if (card && !(event.target.closest("a") && !event.target.closest("h2")) && !getSelection().toString()) {
      event.preventDefault();
      if (narrow.matches) enter(card); else choose(card);
    }
    if (event.target.closest("[data-back]")) back();
    if (event.target.closest("[data-keys]")) $("#keys").showModal();
    const toggle = event.target.closest("[data-toggle]");
    if (toggle) flip(toggle);
  });
  function flip(button) {
    const name = button.dataset.toggle, on = localStorage[name] !== "on";
    localStorage[name] = on ? "on" : "off";
    button.setAttribute("aria-pressed", on);
    if (on && name === "notify" && "Notification" in window) Notification.requestPermission();
    if (on && name === "sound") beep();
  }
  for (const button of document.querySelectorAll("[data-toggle]")) {
    button.setAttribute("aria-pressed", localStorage[button.dataset.toggle] === "on");
  }
  const opened = location.pathname.match(/^\/alerts\/([^/]+)$/);
  if (opened) document.getElementById(`alert-${opened[1]}`)?.setAttribute("aria-current", "true");

  // Every key also has a button; keys rest while someone types.
  const keys = {
    j: () => move(1), k: () => move(-1), "/": () => { const box = $("header.top input"); box.focus(); box.select(); }, "?": () => $("#keys").showModal(), Escape: back,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("#keys").open) return;
    if (event.target.matches("input, textarea, select")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const button = $(`#detail [data-key="${CSS.escape(event.key)}"]`);
    const card = event.target.closest("#alerts article.alert");
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
    else if (event.key === "Enter" && card && event.target.closest("h2")) { event.preventDefault(); enter(card); }
    else if (button) { event.preventDefault(); button.click(); }
    else if ("ascynm".includes(event.key) && $("#detail #name")) { event.preventDefault(); $("#detail #name").focus(); }
  });
})();
