//! Sockets, name lookup and HTTP: linked, and refused until a grant for them exists.

use std::sync::Arc;

use wasmtime::component::{HasData, Resource};
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, Network,
};
use wasmtime_wasi::p2::bindings::sockets::{
    ip_name_lookup, network, tcp_create_socket, udp_create_socket,
};
use wasmtime_wasi::p2::{DynPollable, SocketError, SocketResult, TcpSocket, UdpSocket};
use wasmtime_wasi_http::{RequestOptions, WasiBody, WasiHttpHooks};

use super::Record;
use super::record::Refusal;
use crate::types::Code;

/// Answers every attempt to make a socket or to look up a name with `access-denied`.
pub(super) struct RefuseSockets<'a>(pub(super) &'a Record);

pub(super) struct HasSockets;

impl HasData for HasSockets {
    type Data<'a> = RefuseSockets<'a>;
}

impl RefuseSockets<'_> {
    fn refuse(&self, interface: &str, operation: &str, target: &str) -> SocketError {
        self.0.deny(Refusal {
            code: Code::DeniedGrant,
            interface,
            operation,
            target,
            reason: "no grant gives access to the network".to_owned(),
            hint: String::new(),
        });
        ErrorCode::AccessDenied.into()
    }
}

fn family(family: IpAddressFamily) -> &'static str {
    match family {
        IpAddressFamily::Ipv4 => "ipv4",
        IpAddressFamily::Ipv6 => "ipv6",
    }
}

impl network::Host for RefuseSockets<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn network_error_code(
        &mut self,
        _error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        // No stream over a socket exists, so no error comes from one.
        Ok(None)
    }
}

impl network::HostNetwork for RefuseSockets<'_> {
    fn drop(&mut self, _network: Resource<Network>) -> wasmtime::Result<()> {
        // The interface that owns the type is linked to the implementation that made it.
        Err(made_up())
    }
}

impl tcp_create_socket::Host for RefuseSockets<'_> {
    fn create_tcp_socket(&mut self, ip: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        Err(self.refuse(
            "wasi:sockets/tcp-create-socket",
            "create-tcp-socket",
            family(ip),
        ))
    }
}

impl udp_create_socket::Host for RefuseSockets<'_> {
    async fn create_udp_socket(
        &mut self,
        ip: IpAddressFamily,
    ) -> SocketResult<Resource<UdpSocket>> {
        Err(self.refuse(
            "wasi:sockets/udp-create-socket",
            "create-udp-socket",
            family(ip),
        ))
    }
}

impl ip_name_lookup::Host for RefuseSockets<'_> {
    fn resolve_addresses(
        &mut self,
        _network: Resource<Network>,
        name: String,
    ) -> SocketResult<Resource<ip_name_lookup::ResolveAddressStream>> {
        Err(self.refuse("wasi:sockets/ip-name-lookup", "resolve-addresses", &name))
    }
}

/// Nothing of these types is ever made here, so a guest that names one made the handle up.
fn made_up() -> wasmtime::Error {
    wasmtime::Error::msg("there is no such resource")
}

impl ip_name_lookup::HostResolveAddressStream for RefuseSockets<'_> {
    fn resolve_next_address(
        &mut self,
        _stream: Resource<ip_name_lookup::ResolveAddressStream>,
    ) -> SocketResult<Option<IpAddress>> {
        Err(SocketError::trap(made_up()))
    }

    fn subscribe(
        &mut self,
        _stream: Resource<ip_name_lookup::ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        Err(made_up())
    }

    fn drop(
        &mut self,
        _stream: Resource<ip_name_lookup::ResolveAddressStream>,
    ) -> wasmtime::Result<()> {
        Err(made_up())
    }
}

/// Answers every HTTP request with `HTTP-request-denied`; nothing is resolved or connected.
#[derive(Debug)]
pub(super) struct RefuseHttp(Arc<Record>);

impl RefuseHttp {
    pub(super) fn new(record: Arc<Record>) -> Self {
        Self(record)
    }
}

type Exchange = Box<dyn Future<Output = wasmtime_wasi_http::Result<()>> + Send>;

impl WasiHttpHooks for RefuseHttp {
    // What a guest writes into bodies that are never sent is kept in the host's memory.
    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        1
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        4 << 10
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _done: Exchange,
    ) -> Box<
        dyn Future<Output = wasmtime_wasi_http::Result<(http::Response<WasiBody>, Exchange)>>
            + Send,
    > {
        self.0.deny(Refusal {
            code: Code::DeniedGrant,
            interface: "wasi:http/outgoing-handler",
            operation: "handle",
            target: &format!("{} {}", request.method(), request.uri()),
            reason: "no grant gives access to the network".to_owned(),
            hint: String::new(),
        });
        Box::new(std::future::ready(Err(
            wasmtime_wasi_http::Error::HttpRequestDenied,
        )))
    }
}
