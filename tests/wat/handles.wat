;; Makes resource handles without end. (B9)
(component
  (type $r (resource (rep i32)))
  (core func $new (canon resource.new $r))
  (core module $m
    (import "" "new" (func $new (param i32) (result i32)))
    (func (export "f") (loop (drop (call $new (i32.const 1))) (br 0))))
  (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
  (func (export "f") (canon lift (core func $i "f"))))
