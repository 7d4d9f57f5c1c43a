package connect

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// The types of a descriptor encode as their fields, in the order of the struct,
// followed by Extra. Each needs its own pair of methods, because encoding/json
// has no way to keep unknown members.

// UnmarshalJSON implements json.Unmarshaler.
func (d *Descriptor) UnmarshalJSON(data []byte) error {
	return unmarshalKeeping(data, &d.Extra, map[string]any{
		"key": &d.Key, "name": &d.Name, "description": &d.Description, "vendor": &d.Vendor,
		"baseUrl": &d.BaseURL, "authentication": &d.Authentication, "lifecycle": &d.Lifecycle,
		"scopes": &d.Scopes, "contexts": &d.Contexts, "modules": &d.Modules,
		"forgeAppLink": &d.ForgeAppLink, "forgeAppId": &d.ForgeAppID,
	})
}

// MarshalJSON implements json.Marshaler.
func (d Descriptor) MarshalJSON() ([]byte, error) {
	type fields Descriptor
	return marshalWith(fields(d), d.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *Vendor) UnmarshalJSON(data []byte) error {
	return unmarshalKeeping(data, &v.Extra, map[string]any{"name": &v.Name, "url": &v.URL})
}

// MarshalJSON implements json.Marshaler.
func (v Vendor) MarshalJSON() ([]byte, error) {
	type fields Vendor
	return marshalWith(fields(v), v.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *Authentication) UnmarshalJSON(data []byte) error {
	return unmarshalKeeping(data, &a.Extra, map[string]any{"type": &a.Type})
}

// MarshalJSON implements json.Marshaler.
func (a Authentication) MarshalJSON() ([]byte, error) {
	type fields Authentication
	return marshalWith(fields(a), a.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (l *Lifecycle) UnmarshalJSON(data []byte) error {
	return unmarshalKeeping(data, &l.Extra, map[string]any{
		"installed": &l.Installed, "uninstalled": &l.Uninstalled, "enabled": &l.Enabled, "disabled": &l.Disabled,
	})
}

// MarshalJSON implements json.Marshaler.
func (l Lifecycle) MarshalJSON() ([]byte, error) {
	type fields Lifecycle
	return marshalWith(fields(l), l.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *Modules) UnmarshalJSON(data []byte) error {
	return unmarshalKeeping(data, &m.Extra, map[string]any{"linkers": &m.Linkers, "webhooks": &m.Webhooks})
}

// MarshalJSON implements json.Marshaler.
func (m Modules) MarshalJSON() ([]byte, error) {
	type fields Modules
	return marshalWith(fields(m), m.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (l *LinkerModule) UnmarshalJSON(data []byte) error {
	return unmarshalKeeping(data, &l.Extra, map[string]any{
		"key": &l.Key, "regex": &l.Regex, "url": &l.URL, "type": &l.Type,
	})
}

// MarshalJSON implements json.Marshaler.
func (l LinkerModule) MarshalJSON() ([]byte, error) {
	type fields LinkerModule
	return marshalWith(fields(l), l.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (w *WebhookModule) UnmarshalJSON(data []byte) error {
	return unmarshalKeeping(data, &w.Extra, map[string]any{"event": &w.Event, "url": &w.URL})
}

// MarshalJSON implements json.Marshaler.
func (w WebhookModule) MarshalJSON() ([]byte, error) {
	type fields WebhookModule
	return marshalWith(fields(w), w.Extra)
}

// unmarshalKeeping reads the members named in fields and puts the others into extra.
func unmarshalKeeping(data []byte, extra *Extra, fields map[string]any) error {
	return eachMember(data, func(name string, value json.RawMessage) error {
		if field, known := fields[name]; known {
			if err := json.Unmarshal(value, field); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		}
		if *extra == nil {
			*extra = Extra{}
		}
		(*extra)[name] = value
		return nil
	})
}

// marshalWith appends the members of extra, sorted by name, to the object that
// fields encodes to.
func marshalWith(fields any, extra Extra) ([]byte, error) {
	encoded, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	encoded = encoded[:len(encoded)-1]
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		member, err := json.Marshal(map[string]json.RawMessage{name: extra[name]})
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", name, err)
		}
		if len(encoded) > 1 {
			encoded = append(encoded, ',')
		}
		encoded = append(encoded, member[1:len(member)-1]...)
	}
	return append(encoded, '}'), nil
}
