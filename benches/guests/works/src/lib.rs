//! What `cargo xtask bench` lets compute.

mod work;

use exports::bench::works::work::Guest;

guest_sdk::capability!(Works);

struct Works;

impl Guest for Works {
    fn fib(n: u32) -> u64 {
        work::fib(n)
    }

    fn sieve(below: u32) -> u64 {
        work::sieve(below)
    }

    fn json(rounds: u32) -> u64 {
        work::json(rounds)
    }

    fn regex(rounds: u32) -> u64 {
        work::regex(rounds)
    }

    fn words(rounds: u32) -> u64 {
        work::words(rounds)
    }

    fn hash(rounds: u32) -> u64 {
        work::hash(rounds)
    }
}
