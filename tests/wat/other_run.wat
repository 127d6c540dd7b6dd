;; Exports the interface of a command with a function of another type.
(component
 (core module $m (func (export "f") (param i32)))
 (core instance $i (instantiate $m))
 (func $f (param "x" u32) (canon lift (core func $i "f")))
 (instance $r (export "run" (func $f)))
 (export "wasi:cli/run@0.2.0" (instance $r)))
