;; Exports the interface of a command without its function.
(component
 (core module $m (func (export "f")))
 (core instance $i (instantiate $m))
 (func $f (canon lift (core func $i "f")))
 (instance $r (export "walk" (func $f)))
 (export "wasi:cli/run@0.2.0" (instance $r)))
