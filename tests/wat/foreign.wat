;; Imports what nobody grants: an interface with a resource, another that refers to it, and a function
;; at the top.
(component
  (import "demo:mail/box@1.0.0" (instance $mail
    (export "letter" (type (sub resource)))
    (export "send" (func (param "to" u32) (result u32)))))
  (alias export $mail "letter" (type $letter))
  (import "demo:mail/sorter@1.0.0" (instance $sorter
    (alias outer 1 $letter (type $outer))
    (export "letter" (type $own (eq $outer)))
    (export "sort" (func (param "it" (borrow $own)) (result u32)))))
  (import "ring" (func $ring))
  (core func $send (canon lower (func $mail "send")))
  (core func $ring-core (canon lower (func $ring)))
  (core module $m
    (import "" "send" (func $send (param i32) (result i32)))
    (import "" "ring" (func $ring))
    (func (export "send") (result i32) (call $send (i32.const 7)))
    (func (export "ring") (call $ring))
    (func (export "abstain") (result i32) (i32.const 1)))
  (core instance $i (instantiate $m
    (with "" (instance (export "send" (func $send)) (export "ring" (func $ring-core))))))
  (func (export "send") (result u32) (canon lift (core func $i "send")))
  (func (export "ring") (canon lift (core func $i "ring")))
  (func (export "abstain") (result u32) (canon lift (core func $i "abstain"))))
