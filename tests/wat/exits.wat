;; Exits instead of returning: `f` with 1, the command with 1 after memory was refused.
(component
 (import "wasi:cli/exit@0.2.0" (instance $x (export "exit" (func (param "status" (result))))))
 (core func $exit (canon lower (func $x "exit")))
 (core module $m (import "" "exit" (func $exit (param i32))) (memory 1)
  (func (export "f") (call $exit (i32.const 1)))
  (func (export "run") (result i32) (drop (memory.grow (i32.const 60000))) (call $exit (i32.const 1)) (i32.const 0)))
 (core instance $i (instantiate $m (with "" (instance (export "exit" (func $exit))))))
 (func $f (canon lift (core func $i "f"))) (export "f" (func $f))
 (func $run (result (result)) (canon lift (core func $i "run")))
 (instance $r (export "run" (func $run)))
 (export "wasi:cli/run@0.2.0" (instance $r)))
