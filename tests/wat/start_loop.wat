;; Never gets started. (A3)
(component
  (core module $m
    (func $start (loop br 0))
    (start $start)
    (func (export "f")))
  (core instance $i (instantiate $m))
  (func (export "f") (canon lift (core func $i "f"))))
