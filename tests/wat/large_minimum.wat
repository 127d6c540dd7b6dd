;; Wants 4 GiB from the start. (B2)
(component
  (core module $m (memory 65536) (func (export "f")))
  (core instance $i (instantiate $m))
  (func (export "f") (canon lift (core func $i "f"))))
