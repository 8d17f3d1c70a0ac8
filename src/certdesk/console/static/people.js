// Passkeys need a script: only a script can talk to an authenticator. Beside them: copying what is shown once.
"use strict";

(() => {
  class Refusal extends Error {}

  const octets = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
  const base64url = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

  // By hand: not every browser that keeps passkeys has parseCreationOptionsFromJSON and toJSON.
  const prepared = (options) => {
    const ids = (list) => list?.map((one) => ({ ...one, id: octets(one.id) }));
    const ready = { ...options, challenge: octets(options.challenge) };
    if (options.user) ready.user = { ...options.user, id: octets(options.user.id) };
    if (options.excludeCredentials) ready.excludeCredentials = ids(options.excludeCredentials);
    if (options.allowCredentials) ready.allowCredentials = ids(options.allowCredentials);
    return ready;
  };
  const written = (credential) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = base64url(credential.response[name]);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return JSON.stringify({
      id: credential.id,
      rawId: base64url(credential.rawId),
      type: credential.type,
      response,
      clientExtensionResults: credential.getClientExtensionResults(),
    });
  };

  const post = async (address, form, credential) => {
    const body = new URLSearchParams(new FormData(form));
    if (credential) body.set("credential", credential);
    const response = await fetch(address, { method: "POST", body, credentials: "same-origin", redirect: "error" });
    if (!response.headers.get("content-type")?.startsWith("application/json")) throw new Error(response.status);
    const said = await response.json();
    if (!response.ok) throw new Refusal(said.detail);
    return said;
  };

  const sentence = (form, error) => {
    if (error instanceof Refusal) return error.message;
    if (error.name === "InvalidStateError" && form.dataset.known) return form.dataset.known;
    if (error.name === "NotAllowedError" || error.name === "AbortError") return form.dataset.cancelled;
    return form.dataset.failed;
  };

  const submit = async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const button = form.querySelector("button");
    const alert = form.querySelector("[role=alert]");
    alert.hidden = true;
    button.setAttribute("aria-busy", "true");
    button.disabled = true;
    try {
      const options = await post(form.dataset.options, form);
      const credential = await navigator.credentials[form.dataset.passkey]({ publicKey: prepared(options) });
      const { location: address } = await post(form.action, form, written(credential));
      location.assign(address);
    } catch (error) {
      alert.querySelector("p").textContent = sentence(form, error);
      alert.hidden = false;
      button.removeAttribute("aria-busy");
      button.disabled = false;
      delete form.dataset.sent;
    }
  };

  if (window.PublicKeyCredential) {
    for (const form of document.querySelectorAll("form[data-passkey]")) {
      form.addEventListener("submit", submit);
      form.hidden = false;
    }
    for (const hint of document.querySelectorAll("[data-passkey-without]")) hint.hidden = true;
  }

  for (const button of document.querySelectorAll("[data-copies]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copies);
      await navigator.clipboard.writeText(source.value ?? source.textContent);
      button.querySelector("span").textContent = button.dataset.copied;
    });
  }
  for (const field of document.querySelectorAll("[data-selects]")) {
    field.addEventListener("focus", () => field.select());
  }
})();
