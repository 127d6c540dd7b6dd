;; Hands the host a list of strings that all lie in the same place. (B14)
(component
  (import "take" (func $take (param "names" (list string))))
  (core module $libc
    (memory (export "memory") 64)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (core func $take-core (canon lower (func $take) (memory $memory)))
  (core module $m
    (import "" "memory" (memory 64))
    (import "" "take" (func $take (param i32 i32)))
    (func (export "f")
      (local $i i32)
      ;; 1,000 pairs of a pointer and a length of 1 MiB.
      (loop
        (i32.store (i32.mul (local.get $i) (i32.const 8)) (i32.const 1048576))
        (i32.store offset=4 (i32.mul (local.get $i) (i32.const 8)) (i32.const 1048576))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if 0 (i32.lt_u (local.get $i) (i32.const 1000))))
      (call $take (i32.const 0) (i32.const 1000))))
  (core instance $i (instantiate $m (with "" (instance
    (export "memory" (memory $memory)) (export "take" (func $take-core))))))
  (func (export "f") (canon lift (core func $i "f"))))
