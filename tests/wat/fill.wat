;; Fills its whole memory, over and over. (A5)
(component
  (core module $m
    (memory 1000)
    (func (export "fill")
      (loop
        (memory.fill (i32.const 0) (i32.const 7) (i32.const 65536000))
        (br 0))))
  (core instance $i (instantiate $m))
  (func (export "fill") (canon lift (core func $i "fill"))))
