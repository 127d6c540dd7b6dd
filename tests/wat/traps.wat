;; Traps in every way there is.
(component
  (core module $m
    (memory (export "memory") 1)
    (table 1 funcref)
    (func (export "unreachable") unreachable)
    (func (export "divide") (result i32) (i32.div_u (i32.const 1) (i32.const 0)))
    (func (export "beyond") (result i32) (i32.load (i32.const 65536)))
    (func (export "null") (call_indirect (i32.const 0)))
    (func (export "convert") (result i32) (i32.trunc_f32_u (f32.const nan)))
    ;; A length that reaches beyond the memory.
    (func (export "lie") (result i32)
      (i32.store (i32.const 0) (i32.const 16))
      (i32.store (i32.const 4) (i32.const 65536))
      (i32.const 0))
    ;; Not a character.
    (func (export "char") (result i32) (i32.const 0xd800)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (func (export "unreachable") (canon lift (core func $i "unreachable")))
  (func (export "divide") (result u32) (canon lift (core func $i "divide")))
  (func (export "beyond") (result u32) (canon lift (core func $i "beyond")))
  (func (export "null") (canon lift (core func $i "null")))
  (func (export "convert") (result u32) (canon lift (core func $i "convert")))
  (func (export "lie") (result string) (canon lift (core func $i "lie") (memory $memory)))
  (func (export "char") (result char) (canon lift (core func $i "char"))))
