// A card for dashboards: the values of one device for everybody, and for administrators its last messages.
const MESSAGES = 5;
const RETRY_MILLISECONDS = 5000;

class FieldbridgeCard extends HTMLElement {
  static getConfigForm() {
    return {
      schema: [{ name: "device_id", required: true, selector: { device: { filter: { integration: "fieldbridge" } } } }],
    };
  }

  static getStubConfig(hass) {
    const device = Object.values(hass.devices ?? {}).find(
      (each) => each.via_device_id && each.identifiers.some(([domain]) => domain === "fieldbridge"),
    );
    return { device_id: device?.id ?? "" };
  }

  setConfig(config) {
    this._config = config;
    this._built = false;
    this._unfollow();
    if (this._hass) this._build();
  }

  set hass(hass) {
    this._hass = hass;
    if (this._built) this._showValues();
    else if (!this._building) this._build();
  }

  getCardSize() {
    return 4;
  }

  connectedCallback() {
    if (this._built) this._follow();
  }

  disconnectedCallback() {
    this._unfollow();
  }

  async _build() {
    this._building = true;
    const { loadTexts } = await import("./texts.js");
    const { element } = await import("./styles.js");
    this._element = element;
    this._texts = await loadTexts(this._hass);
    this._building = false;
    this._built = true;
    const device = this._hass.devices?.[this._config.device_id];
    const card = document.createElement("ha-card");
    card.header = device?.name_by_user || device?.name || this._texts("card.name");
    const style = element(
      "style",
      {},
      ".body{padding:0 16px 16px} dl{display:grid;grid-template-columns:1fr auto;gap:4px 16px;margin:0}" +
        "dd{margin:0;font-variant-numeric:tabular-nums} pre{overflow:auto;font-size:13px;direction:ltr}" +
        "a{color:var(--primary-text-color)}",
    );
    this._values = element("dl");
    this._messages = element("pre", { tabindex: "0", role: "region", "aria-label": this._texts("live.messages"), hidden: true });
    const isAdmin = this._hass.user?.is_admin;
    const foot = isAdmin
      ? element("a", { href: "/fieldbridge" }, this._texts("card.open"))
      : element("p", {}, this._texts("card.admin_only"));
    const note = device ? null : element("p", {}, this._texts("card.no_device"));
    card.append(style, element("div", { class: "body" }, note, this._values, this._messages, foot));
    this.replaceChildren(card);
    this._shown = undefined;
    this._showValues();
    this._follow();
  }

  _showValues() {
    const ids = Object.values(this._hass.entities ?? {})
      .filter((entity) => entity.device_id === this._config.device_id && !entity.hidden)
      .map((entity) => entity.entity_id)
      .filter((id) => this._hass.states[id]);
    // What the device says comes before what can be done with it.
    ids.sort((one, other) => other.includes("sensor.") - one.includes("sensor."));
    const shown = ids.map((id) => this._hass.states[id]);
    if (this._shown?.length === shown.length && shown.every((state, index) => state === this._shown[index])) return;
    this._shown = shown;
    this._values.replaceChildren(
      ...shown.flatMap((state) => [
        this._element("dt", {}, this._hass.formatEntityName(state, { type: "entity" }) || state.attributes.friendly_name),
        this._element("dd", {}, this._hass.formatEntityState(state)),
      ]),
    );
  }

  async _follow() {
    const device = this._hass.devices?.[this._config.device_id];
    if (!this.isConnected || !device || !this._hass.user?.is_admin || this._attempt) return;
    const { connection } = this._hass;
    const deviceId = device.identifiers.find(([domain]) => domain === "fieldbridge")?.[1];
    const lines = [];
    const message = { type: "fieldbridge/inspect", entry_id: device.config_entries[0], device_id: deviceId };
    const attempt = (this._attempt = {});
    const again = () => {
      if (attempt !== this._attempt) return;
      this._unfollow();
      this._again = setTimeout(() => this._follow(), RETRY_MILLISECONDS);
    };
    connection.addEventListener("ready", again);
    this._forget = () => connection.removeEventListener("ready", again);
    try {
      const take = (event) => {
        if (attempt !== this._attempt) return;
        if (event.gone) again();
        for (const frame of event.frames ?? []) lines.push(frame.text);
        lines.splice(0, lines.length - MESSAGES);
        this._messages.hidden = Boolean(event.gone) || lines.length === 0;
        this._messages.textContent = lines.join("\n");
      };
      const unsubscribe = await connection.subscribeMessage(take, message, { resubscribe: false });
      if (attempt === this._attempt) this._unsubscribe = unsubscribe;
      else unsubscribe();
    } catch {
      // A link that does not run, or a device that is the link itself, has no messages of its own.
      again();
    }
  }

  /** Follow nothing, and show no messages as if they were of now; what is on its way is given back when it comes. */
  _unfollow() {
    clearTimeout(this._again);
    this._forget?.();
    this._forget = this._attempt = undefined;
    this._unsubscribe?.();
    this._unsubscribe = undefined;
    if (this._messages) this._messages.hidden = true;
  }
}

customElements.define("fieldbridge-card", FieldbridgeCard);
window.customCards = window.customCards ?? [];
window.customCards.push({
  type: "fieldbridge-card",
  name: "Fieldbridge",
  description: "The values of a device, and for administrators its last messages",
});
