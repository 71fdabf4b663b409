package xcap

// usage is an application usage (RFC 4825 §5).
type usage struct {
	mediaType string
	space     string // the default namespace of selectors
	root      string
	content   *content
	only      string // the only document that a user may have, "": any
}

// usages are those that the server has, by their AUIDs.
var usages = map[string]*usage{
	"resource-lists":    {"application/resource-lists+xml", nsLists, "resource-lists", lists(), ""},
	"rls-services":      {"application/rls-services+xml", nsServices, "rls-services", services(), ""},
	"pres-rules":        {"application/auth-policy+xml", nsPolicy, "ruleset", ruleset(), ""},
	"pidf-manipulation": {"application/pidf+xml", nsPIDF, "presence", presence(), "index"},
	"xcap-caps":         {"application/xcap-caps+xml", "urn:ietf:params:xml:ns:xcap-caps", "xcap-caps", nil, ""},
}

// capabilities is the global document of RFC 4825 §12.
var capabilities = []byte(`<?xml version="1.0" encoding="UTF-8"?>
<xcap-caps xmlns="urn:ietf:params:xml:ns:xcap-caps">
 <auids>
  <auid>pidf-manipulation</auid>
  <auid>pres-rules</auid>
  <auid>resource-lists</auid>
  <auid>rls-services</auid>
  <auid>xcap-caps</auid>
 </auids>
 <extensions/>
 <namespaces>
  <namespace>urn:ietf:params:xml:ns:common-policy</namespace>
  <namespace>urn:ietf:params:xml:ns:pidf</namespace>
  <namespace>urn:ietf:params:xml:ns:pres-rules</namespace>
  <namespace>urn:ietf:params:xml:ns:resource-lists</namespace>
  <namespace>urn:ietf:params:xml:ns:rls-services</namespace>
  <namespace>urn:ietf:params:xml:ns:xcap-caps</namespace>
  <namespace>urn:ietf:params:xml:ns:xcap-error</namespace>
 </namespaces>
</xcap-caps>
`)

// list is the listType of RFC 4826 §3.2.
func list() *content {
	display := &content{text: anyText, attrs: map[string]*text{"lang": anyText}}
	member := func(attr string, must ...string) *content {
		return &content{
			parts: []part{some(nsLists, "display-name", display), others(nsLists)},
			attrs: map[string]*text{attr: uriText}, must: must, open: true,
		}
	}
	c := &content{attrs: map[string]*text{"name": anyText}, open: true}
	c.parts = []part{some(nsLists, "display-name", display), many(nsLists, map[string]*content{
		"list": c, "external": member("anchor"), "entry": member("uri", "uri"), "entry-ref": member("ref", "ref"),
	}), others(nsLists)}
	return c
}

func lists() *content {
	return &content{parts: []part{many(nsLists, map[string]*content{"list": list()})}}
}

// services is the schema of RFC 4826 §4.2.
func services() *content {
	packages := &content{parts: []part{{
		space: nsServices, of: map[string]*content{"package": {text: anyText}}, other: true,
	}}}
	service := &content{parts: []part{
		{space: nsServices, of: map[string]*content{"resource-list": {text: uriText}, "list": list()}, min: 1, max: 1},
		some(nsServices, "packages", packages), others(nsServices),
	}, attrs: map[string]*text{"uri": uriText}, must: []string{"uri"}, open: true}
	return &content{parts: []part{many(nsServices, map[string]*content{"service": service})}}
}

// ruleset is the schema of RFC 4745 §13. An identity without anything inside is
// taken: it is how RFC 5025 §3.1.1.1 speaks of who is not authenticated.
func ruleset() *content {
	except := &content{attrs: map[string]*text{"domain": anyText, "id": uriText}}
	identity := &content{parts: []part{{space: nsPolicy, other: true, of: map[string]*content{
		"one": {parts: []part{{space: nsPolicy, other: true, max: 1}}, attrs: map[string]*text{"id": uriText}, must: []string{"id"}},
		"many": {parts: []part{{space: nsPolicy, other: true, of: map[string]*content{"except": except}}},
			attrs: map[string]*text{"domain": anyText}},
	}}}}
	conditions := &content{parts: []part{{space: nsPolicy, other: true, of: map[string]*content{
		"identity": identity,
		"sphere":   {attrs: map[string]*text{"value": anyText}, must: []string{"value"}},
		"validity": {parts: []part{many(nsPolicy, map[string]*content{"from": {text: timeText}, "until": {text: timeText}})}},
	}}}}
	extensible := &content{parts: []part{others(nsPolicy)}}
	rule := &content{parts: []part{
		some(nsPolicy, "conditions", conditions), some(nsPolicy, "actions", extensible), some(nsPolicy, "transformations", extensible),
	}, attrs: map[string]*text{"id": idText}, must: []string{"id"}}
	return &content{parts: []part{many(nsPolicy, map[string]*content{"rule": rule})}}
}

// permissions are the elements of RFC 5025 §7.
var permissions = func() map[string]*content {
	all := map[string]*content{
		"sub-handling": {text: handlingText}, "provide-user-input": {text: inputText}, "provide-all-attributes": {},
		"provide-unknown-attribute": {text: boolText, attrs: map[string]*text{"name": anyText, "ns": anyText}, must: []string{"name", "ns"}},
		"service-uri-scheme":        {text: anyText}, "class": {text: anyText}, "occurrence-id": {text: anyText},
		"service-uri": {text: uriText}, "deviceID": {text: uriText},
	}
	for _, name := range []string{"activities", "class", "deviceID", "mood", "place-is", "place-type", "privacy", "relationship",
		"status-icon", "sphere", "time-offset", "note"} {
		all["provide-"+name] = &content{text: boolText}
	}
	for name, of := range map[string][]string{
		"services": {"service-uri", "service-uri-scheme", "occurrence-id", "class"},
		"devices":  {"deviceID", "occurrence-id", "class"},
		"persons":  {"occurrence-id", "class"},
	} {
		inside := map[string]*content{"all-" + name: {}}
		for _, o := range of {
			inside[o] = all[o]
		}
		all["provide-"+name] = &content{parts: []part{{space: nsRules, of: inside, other: true}}}
	}
	return all
}()

// presence is the schema of RFC 3863 §4.4. Elements of other namespaces may also
// stand behind notes and times, where many clients write them.
func presence() *content {
	note := &content{text: anyText, attrs: map[string]*text{"lang": anyText}}
	tuple := &content{parts: []part{
		one(nsPIDF, "status", &content{parts: []part{some(nsPIDF, "basic", &content{text: basicText}), others(nsPIDF)}}),
		others(nsPIDF),
		some(nsPIDF, "contact", &content{text: uriText, attrs: map[string]*text{"priority": priorityText}}),
		many(nsPIDF, map[string]*content{"note": note}),
		some(nsPIDF, "timestamp", &content{text: timeText}),
		others(nsPIDF),
	}, attrs: map[string]*text{"id": idText}, must: []string{"id"}}
	return &content{parts: []part{
		many(nsPIDF, map[string]*content{"tuple": tuple}), many(nsPIDF, map[string]*content{"note": note}), others(nsPIDF),
	}, attrs: map[string]*text{"entity": uriText}, must: []string{"entity"}}
}
