;; Calls itself without end. (A10)
(component
  (core module $m (func $f (export "f") (result i32) (i32.add (call $f) (i32.const 1))))
  (core instance $i (instantiate $m))
  (func (export "f") (result u32) (canon lift (core func $i "f"))))
