// A window of Chromium, as somebody uses the pages with eyes, hands and a screen
// reader. Each line of standard input is a command, a JSON array of its name and
// arguments; each answer is a line of JSON.
import {readFileSync} from "node:fs"
import {createInterface} from "node:readline"
import {createRequire} from "node:module"
import {chromium} from "playwright-core"

const [base, lang, scheme] = process.argv.slice(2)
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")
const patience = 30_000
const say = what => console.log(JSON.stringify(what))

const browser = await chromium.launch({executablePath: "/usr/bin/chromium", args: ["--no-sandbox"]})
const context = await browser.newContext({locale: lang, colorScheme: scheme, baseURL: base, viewport: {width: 1200, height: 800}, ignoreHTTPSErrors: true})
context.setDefaultTimeout(patience)
let page = await context.newPage()
const watch = p => {
	p.on("dialog", d => { say({alert: d.message()}); d.dismiss() })
	p.on("pageerror", e => say({error: String(e)}))
	p.on("console", m => { if (m.type() === "error") say({console: m.text()}) })
}
watch(page)

const commands = {
	// goto opens a page, and says where that led and how long it took.
	async goto(path) {
		const began = performance.now()
		const r = await page.goto(path, {waitUntil: "load"})
		const sizes = await page.evaluate(() => performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation")).reduce((sum, e) => sum + e.transferSize, 0))
		return {at: new URL(page.url()).pathname, status: r.status(), ms: performance.now() - began, bytes: sizes}
	},
	async at() { return {at: new URL(page.url()).pathname} },
	async tab() { page = await context.newPage(); watch(page); return {} },
	async signin(user, password, words) {
		await page.goto("/login")
		await page.getByLabel(words[0], {exact: true}).fill(user)
		await page.getByLabel(words[1], {exact: true}).fill(password)
		await page.getByRole("button", {name: words[2], exact: true}).click()
		await page.waitForLoadState("load")
		return {at: new URL(page.url()).pathname}
	},
	// lamp waits until a lamp says a word, and says when it did.
	async lamp(aor, word) {
		await page.waitForFunction(([aor, word]) => document.querySelector(`[role=img][data-aor="${aor}"]`)?.getAttribute("aria-label") === word, [aor, word], {polling: "raf"})
		return {lamp: aor, word, at: Date.now()}
	},
	// state says what a lamp is now.
	async state(aor) {
		const l = page.locator(`[role=img][data-aor="${aor}"]`).first()
		return {state: await l.getAttribute("data-state"), word: await l.getAttribute("aria-label")}
	},
	async click(role, name) { await page.getByRole(role, {name, exact: true}).first().click(); return {} },
	async check(label) { await page.getByLabel(label, {exact: true}).click(); return {} },
	async fill(role, name, text) { await page.getByRole(role, {name, exact: true}).fill(text); return {} },
	async select(label, value) { await page.getByLabel(label, {exact: true}).selectOption(value); return {} },
	async press(...keys) { for (const k of keys) await page.keyboard.press(k); return {} },
	async type(text) { await page.keyboard.type(text, {delay: 20}); return {} },
	// compose types a syllable by the input method: each step is what is shown so far.
	async compose(...steps) {
		const cdp = await context.newCDPSession(page)
		for (const s of steps) await cdp.send("Input.imeSetComposition", {text: s, selectionStart: s.length, selectionEnd: s.length})
		return {value: await page.evaluate(() => document.activeElement.value)}
	},
	async commit(text) {
		await (await context.newCDPSession(page)).send("Input.insertText", {text})
		return {value: await page.evaluate(() => document.activeElement.value)}
	},
	async sees(text) { await page.getByText(text).first().waitFor(); return {} },
	async misses(text) { await page.getByText(text).first().waitFor({state: "hidden"}); return {} },
	async has(role, name) { await page.getByRole(role, {name, exact: true}).first().waitFor(); return {} },
	async lacks(role, name) { await page.getByRole(role, {name, exact: true}).first().waitFor({state: "hidden"}); return {} },
	async rows(n) { await page.waitForFunction(n => document.querySelectorAll("#hits [role=row]").length === n, n); return {} },
	async focus() { return page.evaluate(() => ({tag: document.activeElement.tagName, id: document.activeElement.id, name: document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent})) },
	async drag(from, to) { await page.locator(`[data-card="${from}"]`).first().dragTo(page.locator(`[data-card="${to}"]`).first()); return {} },
	async says(text) { await page.locator("#progress").filter({hasText: text}).waitFor(); return {said: await page.locator("#progress").textContent()} },
	async axe() {
		// evaluated by the debugger: the page's policy lets no script in
		await page.evaluate(axe)
		const r = await page.evaluate(() => globalThis.axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}))
		return {findings: r.violations.map(v => `${v.id}: ${v.help}: ${v.nodes.map(n => n.html).join(" ")}`)}
	},
	async screenshot(path) { await page.screenshot({path, fullPage: false}); return {} },
	// fetches asks the server for something as the page would, or another page.
	async fetches(method, path, headers, body) {
		const r = await context.request.fetch(path, {method, headers, data: body, maxRedirects: 0})
		return {status: r.status(), body: (await r.text()).slice(0, 2000)}
	},
	async evaluate(script) { return {value: await page.evaluate(script)} },
}

for await (const line of createInterface({input: process.stdin})) {
	const [name, ...args] = JSON.parse(line)
	try {
		say({done: name, ...await commands[name](...args)})
	} catch (e) {
		say({failed: name, why: String(e).slice(0, 2000)})
	}
}
await browser.close()
