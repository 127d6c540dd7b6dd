;; Wants code from its host.
(component (import "plugin" (core module)))
