// The pages' one script: lamps that live, the search, calls by a click, the keys.
// Everything on a page is there without it; it keeps it true.

const page = document.body.dataset.page, user = document.body.dataset.user
const words = JSON.parse(document.getElementById("words").textContent)
const $ = (selector, within = document) => within.querySelector(selector)
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)]
const t = (key, ...args) => args.reduce((s, a) => s.replace("%s", () => a), words[key] ?? key)
const settings = Object.fromEntries(new URLSearchParams(words["settings"]))

// say tells what goes on, to eyes and to screen readers.
const say = text => { $("#progress").textContent = text }

async function api(method, path, body) {
	let r
	try {
		r = await fetch("/api/v1" + path, {method, headers: body ? {"Content-Type": "application/json"} : {}, body: body && JSON.stringify(body)})
	} catch {
		throw new Error(t("progress.offline"))
	}
	if (r.status === 401) location.assign("/login")
	if (!r.ok) throw Object.assign(new Error((await r.json().catch(() => ({}))).detail || r.statusText), {status: r.status})
	return r.status === 204 ? null : r.json()
}

// reload takes a part of a page anew from the server.
async function reload(selector, url = location.href, options = {}) {
	const r = await fetch(url, options)
	if (r.redirected && new URL(r.url).pathname === "/login") return location.assign("/login")
	if (!r.ok) throw new Error(r.statusText)
	const fresh = new DOMParser().parseFromString(await r.text(), "text/html").querySelector(selector)
	$(selector).replaceWith(document.adoptNode(fresh))
	lamps.watch()
}

// --- lamps ---

// A lamp is a presence-lamp element; what stands beside it is found by the AoR.
const lamps = {
	known: new Map(), // AoR → what the server said last
	heard: Date.now(),
	stale: false,

	watch() {
		const shown = new Set($$("presence-lamp").map(l => l.dataset.aor).filter(Boolean))
		for (const aor of shown) if (this.known.has(aor)) this.show(this.known.get(aor))
		stream.want([...shown])
	},

	take(s) {
		if (s.calls) return panel?.calls(s)
		const before = this.known.get(s.aor)?.state
		this.known.set(s.aor, s)
		this.show(s)
		if (before !== s.state) free.changed(s)
	},

	show(s) {
		const state = this.stale ? "unknown" : s.state, word = t("state." + state), aor = CSS.escape(s.aor)
		for (const l of $$(`presence-lamp[data-aor="${aor}"]`)) {
			l.dataset.state = state
			l.setAttribute("aria-label", word)
			l.title = s.note ? `${word}: ${s.note}` : word
		}
		for (const w of $$(`[data-word="${aor}"]`)) w.textContent = word
		panel?.show(s, state)
	},

	// beat is called for all that is heard of the server, also that nothing changed.
	beat() {
		this.heard = Date.now()
		if (this.stale) this.age(false)
	},

	age(stale) {
		this.stale = stale
		$("#stale").hidden = !stale
		for (const l of $$("presence-lamp")) this.show(this.known.get(l.dataset.aor) ?? {aor: l.dataset.aor, state: "unknown"})
	},
}
customElements.define("presence-lamp", class extends HTMLElement {})

// One stream of events for all tabs of a browser: the tab that holds the lock
// reads it, and tells the others.
const stream = {
	wanted: new Map(), // tab → AoRs
	tab: crypto.randomUUID?.() ?? String(Math.random()),
	channel: new BroadcastChannel("lamplight"),
	source: null,

	start() {
		this.channel.onmessage = ({data}) => this.hear(data)
		setInterval(() => { if (Date.now() - lamps.heard > 30_000 && !lamps.stale) lamps.age(true) }, 1000)
		if (!navigator.locks) return this.lead()
		navigator.locks.request("lamplight-stream", () => {
			this.lead()
			return new Promise(() => {})
		})
	},

	want(aors) {
		this.mine = aors
		this.tell({want: aors, tab: this.tab})
		if (this.leads) this.add(this.tab, aors)
	},

	tell(message) { this.channel.postMessage(message) },

	hear(m) {
		if (m.want && this.leads) this.add(m.tab, m.want)
		if (m.gone && this.leads) this.wanted.delete(m.gone)
		if (m.leader && this.mine) this.tell({want: this.mine, tab: this.tab})
		if (m.state) lamps.take(m.state)
		if (m.beat) lamps.beat()
	},

	lead() {
		this.leads = true
		this.tell({leader: true})
		this.add(this.tab, this.mine ?? [])
	},

	// add opens the stream anew only if somebody is to be seen who is not yet.
	add(tab, aors) {
		this.wanted.set(tab, aors)
		const all = new Set([...this.wanted.values()].flat())
		if (this.source && [...all].every(a => this.open.has(a))) {
			for (const aor of aors) if (tab !== this.tab && lamps.known.has(aor)) this.tell({state: lamps.known.get(aor)})
			return
		}
		clearTimeout(this.soon)
		this.soon = setTimeout(() => this.connect(all), 30)
	},

	connect(all) {
		this.source?.close()
		clearTimeout(this.again)
		this.open = all
		if (!all.size) return this.source = null
		const asked = new URLSearchParams([...all].map(a => ["aor", a]))
		if (page === "panel") asked.set("calls", "1")
		const source = this.source = new EventSource("/api/v1/stream?" + asked)
		const beat = () => { lamps.beat(); this.tell({beat: true}) }
		source.onopen = beat
		source.addEventListener("beat", beat)
		source.onmessage = ({data}) => {
			beat()
			if (!data) return
			const state = JSON.parse(data)
			lamps.take(state)
			this.tell({state})
		}
		source.onerror = () => {
			if (source.readyState !== EventSource.CLOSED) return
			this.again = setTimeout(async () => {
				const r = await fetch("/api/v1/me").catch(() => null)
				if (r?.status === 401) return location.assign("/login")
				this.connect(new Set([...this.wanted.values()].flat()))
			}, 2000)
		}
	},
}
addEventListener("pagehide", () => stream.tell({gone: stream.tab}))

// Tell me when free: once, within an hour, while a page is open.
const free = {
	waits: new Map(), // AoR → name
	ask(aor, name) {
		this.waits.set(aor, name)
		setTimeout(() => this.waits.delete(aor), 3_600_000)
		globalThis.Notification?.requestPermission?.()
		say(t("ask.waiting", name))
	},
	changed({aor, state}) {
		if (state !== "available" || !this.waits.has(aor)) return
		const text = t("ask.isfree", this.waits.get(aor))
		this.waits.delete(aor)
		say(text)
		if (globalThis.Notification?.permission === "granted") new Notification(text)
	},
}

// --- calls ---

const disturbs = ["dnd", "busy", "meeting", "ringing", "on-the-phone", "on-hold", "out-of-office"]

// ask shows the question before a call, and answers "anyway", "free" or "cancel".
function ask(name, state) {
	const d = $("#ask")
	$("#ask-title").textContent = t("ask.title", name, t("state." + state))
	d.returnValue = "cancel"
	d.showModal()
	$("button[value=cancel]", d).focus()
	return new Promise(answer => d.addEventListener("close", () => answer(d.returnValue), {once: true}))
}

async function call(to, name, aor) {
	if (settings.click === "copy") {
		await navigator.clipboard.writeText(to)
		return say(t("copied", to))
	}
	if (settings.click) return location.assign(settings.click + ":" + to.replace(/^sips?:|^tel:/, ""))
	const state = lamps.known.get(aor)?.state ?? $(`presence-lamp[data-aor="${CSS.escape(aor ?? "")}"]`)?.dataset.state
	let anyway = false
	if (disturbs.includes(state)) {
		const answer = await ask(name, state)
		if (answer === "free") return free.ask(aor, name)
		if (answer !== "anyway") return
		anyway = true
	}
	await follow({to, anyway}, name)
}

// again asks about somebody who does not want to be disturbed, as the server says.
async function again(request, name) {
	if (await ask(name, "dnd") === "anyway") await follow({...request, anyway: true}, name)
}

// follow begins a call (or picks one up, or hands one over) and says how it goes.
async function follow(request, name) {
	try {
		const begun = await api("POST", "/calls", request)
		say(t("progress.calling", name))
		const events = new EventSource(`/api/v1/calls/${begun.id}/events`)
		events.onmessage = ({data}) => {
			const e = JSON.parse(data)
			if (e.state === "asks") return again(request, name)
			say(t("progress." + e.state, name, e.text ?? ""))
			if (e.state === "ended" || e.state === "failed") events.close()
		}
		events.onerror = () => events.close()
	} catch (e) {
		say(t("progress.failed", name, e.message))
	}
}

// --- the search ---

const search = $("#search")
let row = -1, asked

function mark(n) {
	const rows = $$("#hits [role=row]")
	row = rows.length ? (n + rows.length) % rows.length : -1
	rows.forEach((r, i) => r.setAttribute("aria-selected", i === row))
	if (row < 0) return search.removeAttribute("aria-activedescendant")
	search.setAttribute("aria-activedescendant", rows[row].id)
	rows[row].scrollIntoView({block: "nearest"})
}

async function find() {
	asked?.abort()
	asked = new AbortController()
	const url = "/?" + new URLSearchParams({q: search.value})
	try {
		await reload("#found", url, {signal: asked.signal})
		history.replaceState(null, "", search.value ? url : "/")
		search.setAttribute("aria-expanded", Boolean($("#hits")))
		row = -1
		search.removeAttribute("aria-activedescendant")
	} catch (e) {
		if (e.name !== "AbortError") say(t("progress.offline"))
	}
}

if (search) {
	let soon
	search.addEventListener("input", () => {
		clearTimeout(soon)
		soon = setTimeout(find, 80)
	})
	search.form.addEventListener("submit", e => e.preventDefault())
	search.addEventListener("keydown", e => {
		if (e.isComposing || e.keyCode === 229) return
		const rows = $$("#hits [role=row]")
		if (e.key === "ArrowDown") mark(row + 1)
		else if (e.key === "ArrowUp") mark(row < 0 ? -1 : row - 1)
		else if (e.key === "Enter" && (row >= 0 || search.value) && rows.length) press(rows[Math.max(row, 0)])
		else return
		e.preventDefault()
	})
}

// --- clicks and keys ---

const press = el => call(el.dataset.call, el.dataset.name, el.dataset.aor ?? $("presence-lamp", el.closest("[role=row], li"))?.dataset.aor)

async function tried(change) {
	try {
		await change()
		say(t("saved"))
	} catch (e) {
		say(t("failed", e.message))
	}
}

document.addEventListener("click", async e => {
	const b = e.target.closest("button, a[data-call]")
	if (!b) return
	if (b.dataset.call) {
		e.preventDefault()
		return press(b)
	}
	if ("keys" in b.dataset) return $("dialog#keys").showModal()
	if (b.dataset.favourite) return tried(async () => {
		const on = b.getAttribute("aria-pressed") !== "true"
		await api(on ? "PUT" : "DELETE", "/lists/favourites/" + encodeURIComponent(b.dataset.favourite))
		b.setAttribute("aria-pressed", on)
		b.textContent = on ? "★" : "☆"
	})
	if (b.dataset.allow || b.dataset.block) return tried(async () => {
		await api("PUT", "/watchers/" + encodeURIComponent(b.dataset.allow ?? b.dataset.block), {handling: b.dataset.allow ? "allow" : "block"})
		await reload("main")
	})
	if (b.id === "dnd") return tried(dnd)
})

// until is a choice of an end as a time.
function until(choice) {
	if (!choice) return undefined
	if (choice !== "day") return new Date(Date.now() + choice * 60_000).toISOString()
	const day = new Date()
	day.setHours(24, 0, 0, 0)
	return day.toISOString()
}

async function dnd() {
	const b = $("#dnd"), on = b ? b.getAttribute("aria-checked") !== "true" : lamps.known.get(user)?.state !== "dnd"
	b?.setAttribute("aria-checked", on)
	try {
		await api("PUT", "/me/dnd", {on, until: on ? until($("#dnd-until")?.value) : undefined})
	} finally {
		if (b) await reload("main")
	}
}

document.addEventListener("keydown", e => {
	if (e.isComposing || e.keyCode === 229 || e.ctrlKey || e.altKey || e.metaKey || settings.keys === "off") return
	if (e.target.closest("input, select, textarea, dialog")) return
	if (e.key === "/" && search) search.focus()
	else if (e.key === "?") $("dialog#keys").showModal()
	else if (e.key === "d") tried(dnd)
	else return
	e.preventDefault()
})

document.addEventListener("submit", e => {
	if (e.target.id === "status") {
		e.preventDefault()
		const f = new FormData(e.target)
		tried(async () => {
			await api("PUT", "/me/status", {state: f.get("state"), note: f.get("note"), until: until(f.get("until"))})
			await reload("main")
		})
	}
	if (e.target.id === "calendar") {
		e.preventDefault()
		const f = new FormData(e.target)
		tried(async () => {
			await api("PUT", "/me/calendar", {url: f.get("url"), titles: f.has("titles")})
			await reload("main")
		})
	}
})

// --- the panel ---

const panel = page === "panel" ? {
	show(s, state) {
		for (const card of $$(`[data-card="${CSS.escape(s.aor)}"]`)) {
			$("[data-pickup]", card).hidden = state !== "ringing" || s.aor === user
			card.hidden = !this.passes(state)
		}
		const talks = ["on-the-phone", "on-hold"].includes(lamps.known.get(user)?.state)
		if (s.aor === user) for (const b of $$("[data-transfer]")) b.hidden = !talks || b.dataset.transfer === user
	},
	// calls shows with whom somebody talks, where that may be seen.
	calls({aor, calls}) {
		const with_ = calls.map(c => c.with).filter(Boolean).join(", ")
		for (const talk of $$(`[data-talk="${CSS.escape(aor)}"]`)) talk.textContent = with_ ? t("with", with_) : ""
	},
	passes(state) {
		switch ($("#filter").value) {
		case "available": return state === "available"
		case "calls": return ["ringing", "on-the-phone", "on-hold"].includes(state)
		case "here": return !["offline", "unknown"].includes(state)
		}
		return true
	},
	filter() { for (const c of $$("[data-card]")) c.hidden = !this.passes($("presence-lamp", c).dataset.state) },
	transfer: (to, name) => follow({transfer: to}, name),
	start() {
		$("#filter").addEventListener("change", () => this.filter())
		document.addEventListener("click", e => {
			const b = e.target.closest("[data-pickup], [data-transfer], [data-move]")
			if (b?.dataset.pickup) follow({pickup: b.dataset.pickup}, b.dataset.name)
			else if (b?.dataset.transfer) this.transfer(b.dataset.transfer, b.dataset.name)
			else if (b) this.move(b, Number(b.dataset.move))
		})
		let dragged
		document.addEventListener("dragstart", e => { dragged = e.target.closest("[data-card]") })
		document.addEventListener("dragover", e => {
			const over = e.target.closest("[data-card]")
			$$(".over").forEach(c => c.classList.remove("over"))
			if (!over || over === dragged) return
			over.classList.add("over")
			e.preventDefault()
		})
		document.addEventListener("drop", e => {
			const on = e.target.closest("[data-card]")
			$$(".over").forEach(c => c.classList.remove("over"))
			if (!on || !dragged || on === dragged) return
			e.preventDefault()
			if (dragged.dataset.card === user) this.transfer(on.dataset.card, on.dataset.name)
			else if (on.parentElement === dragged.parentElement) {
				on.before(dragged)
				this.keep(on.closest("[data-group]"))
			}
		})
	},
	move(button, by) {
		const card = button.closest("[data-card]"), other = by < 0 ? card.previousElementSibling : card.nextElementSibling
		if (!other) return
		by < 0 ? other.before(card) : other.after(card)
		button.focus()
		this.keep(card.closest("[data-group]"))
	},
	keep: group => tried(() => api("PUT", "/lists/" + group.dataset.group, {members: $$("[data-card]", group).map(c => c.dataset.card)})),
} : null

panel?.start()
stream.start()
lamps.watch()
