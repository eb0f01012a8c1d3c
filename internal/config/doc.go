// Package config reads OIDO's configuration: one YAML file, OIDO_… environment
// variables and command-line flags, in that order of growing precedence, over
// the defaults of [Default].
//
// It promises:
//
//   - [Load] returns a whole, validated [Config] or every problem it found
//     ([Errors]), each with file, line, field and, where one is near, a
//     suggestion. It never returns half a configuration and never panics.
//   - Unknown fields, wrong types, duplicate keys, impossible values and loops
//     (of YAML anchors, of aliases, workloads and classes) are refused.
//   - A key or provider whose key expands to nothing is left out, and a
//     [Warning] says so.
//   - No error, warning, [Show] output or log line holds a secret: secrets are
//     [Secret] or [SecretURL], which mask themselves however they are printed.
//   - Input is bounded: files to 4 MiB, secret files to 64 KiB, 100,000 YAML
//     nodes after anchors are followed.
//
// One place for each fact: a field's name, help text, allowed values and
// bounds stand in the struct tags of the Config's types; flags ([Scalars]),
// environment variables, the JSON Schema ([Schema]) and the decoder all read
// them there.
//
// Left to others: which provider types exist and which environment variables
// hold their keys (handed in by [Options]; this package knows no vendor),
// whether a model exists, and what a changed configuration means to running
// parts ([Watcher] only hands over the new one).
package config
