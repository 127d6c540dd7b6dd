//! Calls other actions in tests, and hands over artifacts.

use exports::test::relay::hops::{Failure, Guest};
use guest_sdk::{actions, artifacts};

guest_sdk::capability!(Relay);

struct Relay;

type Answer = Result<Option<String>, Failure>;

fn call(action: &str, arguments: &str) -> Answer {
    actions::call(action, arguments).map_err(|failure| Failure {
        code: failure.code,
        message: failure.message,
        payload: failure.payload,
    })
}

impl Guest for Relay {
    fn relay(action: String, arguments: String) -> Answer {
        call(&action, &arguments)
    }

    fn purely(action: String, arguments: String) -> Answer {
        call(&action, &arguments)
    }

    fn again(action: String, arguments: String) -> Answer {
        call(&action, &arguments)
    }

    fn both(first: String, second: String, arguments: String) -> Answer {
        call(&first, &arguments)?;
        call(&second, &arguments)
    }

    fn many(action: String, arguments: String, times: u32) -> u32 {
        let calls = (0..times).map(|_| call(&action, &arguments));
        calls.take_while(Result::is_ok).count() as u32
    }

    fn hold(bytes: u32, action: String, arguments: String) -> Answer {
        let held = std::hint::black_box(vec![1_u8; bytes as usize]);
        let answer = call(&action, &arguments);
        drop(std::hint::black_box(held));
        answer
    }

    fn make(name: String, media_type: Option<String>, content: Vec<u8>) -> Result<(), String> {
        artifacts::make(&name, media_type.as_deref(), &content)
    }

    fn flood(count: u32, bytes: u32) -> u32 {
        let content = vec![b'x'; bytes as usize];
        let made = (0..count).map(|number| artifacts::make(&format!("a{number}"), None, &content));
        made.take_while(Result::is_ok).count() as u32
    }
}
