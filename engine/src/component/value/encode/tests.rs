use std::sync::Arc;

use super::*;

#[test]
fn a_value_longer_than_the_bound_is_refused_at_the_bound() {
    let text = Val::String("x".repeat(8));
    assert_eq!(encode(&text, &WitType::String, 10).unwrap().len(), 10);
    assert_eq!(encode(&text, &WitType::String, 9), Err(NoJson::TooLong));
    let numbers = Val::List(vec![Val::U32(1); 1000]);
    let list = WitType::List(Arc::new(WitType::U32));
    assert_eq!(encode(&numbers, &list, 100), Err(NoJson::TooLong));
    let bytes = Val::List(vec![Val::U8(1); 99]);
    let list = WitType::List(Arc::new(WitType::U8));
    assert_eq!(encode(&bytes, &list, 133), Err(NoJson::TooLong));
    assert_eq!(encode(&bytes, &list, 134).unwrap().len(), 134);
}

#[test]
fn flags_come_in_the_order_of_their_declaration() {
    let flags = WitType::Flags(Arc::new(["read".into(), "write".into()]));
    let value = Val::Flags(vec!["write".into(), "read".into()]);
    assert_eq!(encode(&value, &flags, 100).unwrap(), r#"["read","write"]"#);
}

#[test]
fn a_value_of_another_type_is_never_written() {
    assert_eq!(
        encode(&Val::U8(1), &WitType::U16, 100),
        Err(NoJson::WrongType)
    );
    assert_eq!(
        encode(&Val::U8(1), &WitType::Opaque("resource".into()), 100),
        Err(NoJson::WrongType)
    );
}
