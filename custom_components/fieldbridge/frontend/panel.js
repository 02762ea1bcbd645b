// The panel in the sidebar: a live look at every link, and the recordings.
import { LiveView } from "./live.js";
import { RecordingsView } from "./recordings.js";
import { element, STYLES } from "./styles.js";
import { loadTexts } from "./texts.js";

const VIEWS = { live: LiveView, recordings: RecordingsView };

class FieldbridgePanel extends HTMLElement {
  constructor() {
    super();
    this.attachShadow({ mode: "open" });
  }

  set hass(hass) {
    const first = this._hass === undefined;
    this._hass = hass;
    if (this._menu) this._menu.hass = hass;
    if (first && this.isConnected) this._start();
  }

  set narrow(narrow) {
    this._narrow = narrow;
    if (this._menu) this._menu.narrow = narrow;
  }

  connectedCallback() {
    if (this._hass) this._start();
  }

  disconnectedCallback() {
    this._view?.disconnect();
    this._view = undefined;
  }

  async _start() {
    this._texts = await loadTexts(this._hass);
    if (!this.isConnected) return;
    this._menu = document.createElement("ha-menu-button");
    this._menu.hass = this._hass;
    this._menu.narrow = this._narrow;
    this._tabs = Object.keys(VIEWS).map((name) =>
      element(
        "button",
        {
          type: "button",
          role: "tab",
          id: `tab-${name}`,
          "aria-controls": "view",
          onclick: () => this._show(name),
          onkeydown: (event) => this._arrow(event),
        },
        this._texts(`tab.${name}`),
      ),
    );
    this._body = element("div", { id: "view", role: "tabpanel" });
    this.shadowRoot.replaceChildren(
      element("style", {}, STYLES),
      element("header", {}, this._menu, element("h1", {}, "Fieldbridge")),
      element(
        "main",
        {},
        element("div", { role: "tablist", "aria-label": "Fieldbridge" }, ...this._tabs),
        this._body,
      ),
    );
    await this._show("live");
  }

  _arrow(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (this._tabs.indexOf(event.target) + step + this._tabs.length) % this._tabs.length;
    this._tabs[next].focus();
    this._tabs[next].click();
  }

  async _show(name) {
    this._view?.disconnect();
    this._tabs.forEach((tab) => {
      const selected = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
    });
    this._body.setAttribute("aria-labelledby", `tab-${name}`);
    const view = (this._view = new VIEWS[name](() => this._hass, this._texts));
    this._body.replaceChildren(view.element);
    await view.connect();
  }
}

customElements.define("fieldbridge-panel", FieldbridgePanel);
