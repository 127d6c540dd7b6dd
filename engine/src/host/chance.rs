//! The random numbers of a deterministic run.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _};
use wasmtime_wasi::WasiCtxBuilder;

/// The key of ChaCha20. Each interface of `wasi:random` has a stream of its own.
const SEED: [u8; 32] = *b"engine, deterministic, version 1";

/// Lets all of `wasi:random` come from one seed that is the same everywhere.
pub(super) fn seed(wasi: &mut WasiCtxBuilder) {
    let mut once = stream(2);
    let seed = u128::from(once.next_u64()) << 64 | u128::from(once.next_u64());
    wasi.secure_random(stream(0))
        .insecure_random(stream(1))
        .insecure_random_seed(seed);
}

fn stream(number: u64) -> ChaCha20Rng {
    let mut random = ChaCha20Rng::from_seed(SEED);
    random.set_stream(number);
    random
}
