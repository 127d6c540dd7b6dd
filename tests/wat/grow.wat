;; Asks for memory and says what it got. (B1)
(component
  (core module $m
    (memory 1)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    ;; Gives up if it gets none.
    (func (export "need") (param i32)
      (if (i32.eq (memory.grow (local.get 0)) (i32.const -1)) (then unreachable)))
    ;; Takes page after page until there are no more, then gives up.
    (func (export "hoard")
      (loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      unreachable))
  (core instance $i (instantiate $m))
  (func (export "grow") (param "pages" u32) (result s32) (canon lift (core func $i "grow")))
  (func (export "need") (param "pages" u32) (canon lift (core func $i "need")))
  (func (export "hoard") (canon lift (core func $i "hoard"))))
