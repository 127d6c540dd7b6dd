use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::cli::WasiCli;
use wasmtime_wasi::p2::bindings::{LinkOptions, cli, clocks, filesystem, io, random, sockets};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::sockets::WasiSockets;
use wasmtime_wasi_http::WasiHttp;
use wasmtime_wasi_http::p2::bindings::LinkOptions as HttpOptions;
use wasmtime_wasi_http::p2::bindings::http;

use super::clocks::HasClocks;
use super::files::HasFiles;
use super::network::{HasSockets, RefuseSockets};
use super::{HostView, told};

/// The interfaces of WASI 0.2 that [`add_to_linker`] links, all that its stable worlds can import.
const PROVIDED: [&str; 29] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// Whether an import, by its full name, is answered by the host.
///
/// Any patch of version 0.2 of WASI is; a release candidate of 0.2.0 is another interface.
pub(crate) fn provides(import: &str) -> bool {
    if told::PROVIDED.contains(&import) {
        return true;
    }
    import.split_once('@').is_some_and(|(name, version)| {
        let patch = version.strip_prefix("0.2.");
        patch.is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()))
            && PROVIDED.contains(&name)
    })
}

struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

/// Links every interface of WASI 0.2, and the engine's own. A guest that was granted nothing finds those of WASI empty or
/// refusing.
pub(crate) fn add_to_linker<T: HostView>(l: &mut Linker<T>) -> wasmtime::Result<()> {
    io::error::add_to_linker::<T, HasTable>(l, |t| &mut t.host().table)?;
    io::poll::add_to_linker::<T, HasTable>(l, |t| &mut t.host().table)?;
    io::streams::add_to_linker::<T, HasTable>(l, |t| &mut t.host().table)?;

    cli::environment::add_to_linker::<T, WasiCli>(l, |t| t.host().cli())?;
    cli::exit::add_to_linker::<T, WasiCli>(l, |t| t.host().cli())?;
    cli::stdin::add_to_linker::<T, WasiCli>(l, |t| t.host().cli())?;
    cli::stdout::add_to_linker::<T, WasiCli>(l, |t| t.host().cli())?;
    cli::stderr::add_to_linker::<T, WasiCli>(l, |t| t.host().cli())?;
    cli::terminal_input::add_to_linker::<T, WasiCli>(l, |t| t.host().cli())?;
    cli::terminal_output::add_to_linker::<T, WasiCli>(l, |t| t.host().cli())?;
    cli::terminal_stdin::add_to_linker::<T, WasiCli>(l, |t| t.host().cli())?;
    cli::terminal_stdout::add_to_linker::<T, WasiCli>(l, |t| t.host().cli())?;
    cli::terminal_stderr::add_to_linker::<T, WasiCli>(l, |t| t.host().cli())?;

    clocks::wall_clock::add_to_linker::<T, HasClocks>(l, |t| t.host().clocks())?;
    clocks::monotonic_clock::add_to_linker::<T, HasClocks>(l, |t| t.host().clocks())?;

    random::random::add_to_linker::<T, WasiRandom>(l, |t| t.host().random())?;
    random::insecure::add_to_linker::<T, WasiRandom>(l, |t| t.host().random())?;
    random::insecure_seed::add_to_linker::<T, WasiRandom>(l, |t| t.host().random())?;

    filesystem::preopens::add_to_linker::<T, HasFiles>(l, |t| t.host().files())?;
    filesystem::types::add_to_linker::<T, HasFiles>(l, |t| t.host().files())?;

    sockets::instance_network::add_to_linker::<T, WasiSockets>(l, |t| t.host().sockets())?;
    sockets::network::add_to_linker::<T, WasiSockets>(l, &(&LinkOptions::default()).into(), |t| {
        t.host().sockets()
    })?;
    sockets::tcp::add_to_linker::<T, WasiSockets>(l, |t| t.host().sockets())?;
    sockets::udp::add_to_linker::<T, WasiSockets>(l, |t| t.host().sockets())?;
    sockets::tcp_create_socket::add_to_linker::<T, HasSockets>(l, |t| {
        RefuseSockets(&t.host().record)
    })?;
    sockets::udp_create_socket::add_to_linker::<T, HasSockets>(l, |t| {
        RefuseSockets(&t.host().record)
    })?;
    sockets::ip_name_lookup::add_to_linker::<T, HasSockets>(l, |t| {
        RefuseSockets(&t.host().record)
    })?;

    http::outgoing_handler::add_to_linker::<T, WasiHttp>(l, |t| t.host().http())?;
    http::types::add_to_linker::<T, WasiHttp>(l, &(&HttpOptions::default()).into(), |t| {
        t.host().http()
    })?;
    told::add_to_linker(l)
}
