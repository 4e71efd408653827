//! The part of the stream behaviour that lives on one connection.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use libp2p::Stream;
use libp2p::core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo};
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
};
use libp2p::swarm::{
    ConnectionHandler, ConnectionHandlerEvent, StreamUpgradeError, SubstreamProtocol,
};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::protocol::{Name, Purpose};

/// How many wishes for a stream wait at a connection. More wait with those who have them.
const OPENER_QUEUE: usize = 16;

/// Why no stream could be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum OpenError {
    /// The peer does not speak the protocol.
    #[error("the peer does not speak the protocol")]
    Unsupported,
    /// The peer did not answer.
    #[error("the peer did not answer in time")]
    Timeout,
    /// The connection is gone.
    #[error("the connection is closed")]
    Closed,
}

/// A wish for a stream.
#[derive(Debug)]
struct Wish {
    name: Name,
    granted: oneshot::Sender<Result<Stream, OpenError>>,
}

/// Opens streams on one connection, and keeps it open without any.
#[derive(Clone, Debug)]
pub(crate) struct Opener {
    wishes: mpsc::Sender<Wish>,
    kept: Arc<AtomicBool>,
}

impl Opener {
    /// Opens a stream for one protocol, and waits until the peer has agreed to it.
    ///
    /// # Errors
    ///
    /// Every [`OpenError`].
    pub(crate) async fn open(&self, name: Name) -> Result<Stream, OpenError> {
        let (granted, outcome) = oneshot::channel();
        let wish = Wish { name, granted };
        self.wishes
            .send(wish)
            .await
            .map_err(|_| OpenError::Closed)?;
        outcome.await.unwrap_or(Err(OpenError::Closed))
    }

    /// Says whether the connection is to be kept while it has no stream.
    ///
    /// The connection looks at it whenever it does something, and before it is closed for having
    /// done nothing.
    pub(crate) fn keep(&self, kept: bool) {
        // Relaxed, because no other memory is read on the strength of it.
        self.kept.store(kept, Ordering::Relaxed);
    }
}

/// One connection's end of [`Behaviour`](super::Behaviour).
pub(crate) struct Handler {
    offered: Arc<[Name]>,
    wishes: mpsc::Receiver<Wish>,
    kept: Arc<AtomicBool>,
    inbound: VecDeque<Negotiated>,
}

/// A stream that the peer opened, and what for.
pub(crate) struct Negotiated {
    pub(crate) purpose: Purpose,
    pub(crate) stream: Stream,
}

impl fmt::Debug for Negotiated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stream for {:?}", self.purpose)
    }
}

impl Handler {
    /// A handler that offers some protocols to the peer, and what opens streams through it.
    pub(crate) fn new(offered: Arc<[Name]>) -> (Self, Opener) {
        let (sender, wishes) = mpsc::channel(OPENER_QUEUE);
        let kept = Arc::new(AtomicBool::new(false));
        let handler = Self {
            offered,
            wishes,
            kept: Arc::clone(&kept),
            inbound: VecDeque::new(),
        };
        let opener = Opener {
            wishes: sender,
            kept,
        };
        (handler, opener)
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = Negotiated;
    type InboundProtocol = Offer;
    type OutboundProtocol = Request;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = oneshot::Sender<Result<Stream, OpenError>>;

    fn listen_protocol(&self) -> SubstreamProtocol<Offer> {
        SubstreamProtocol::new(Offer(Arc::clone(&self.offered)), ())
    }

    fn connection_keep_alive(&self) -> bool {
        self.kept.load(Ordering::Relaxed)
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Request, Self::OutboundOpenInfo, Negotiated>> {
        if let Some(negotiated) = self.inbound.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(negotiated));
        }
        match self.wishes.poll_recv(cx) {
            Poll::Ready(Some(Wish { name, granted })) => {
                Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                    protocol: SubstreamProtocol::new(Request(name), granted),
                })
            }
            // Without openers there is nothing to open; the connection lives on for the peer.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn on_behaviour_event(&mut self, event: Infallible) {
        match event {}
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<Offer, Request, (), Self::OutboundOpenInfo>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol,
                info: (),
            }) => self.inbound.push_back(protocol),
            // Whoever wished may have given up: the stream is then dropped, which resets it.
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol,
                info: granted,
            }) => drop(granted.send(Ok(protocol))),
            ConnectionEvent::DialUpgradeError(DialUpgradeError {
                info: granted,
                error,
            }) => drop(granted.send(Err(refusal(&error)))),
            // The rest concerns addresses and lists of protocols, or cannot happen: an offer that
            // was agreed to is never refused after that.
            _ => {}
        }
    }
}

fn refusal(error: &StreamUpgradeError<Infallible>) -> OpenError {
    match error {
        StreamUpgradeError::NegotiationFailed => OpenError::Unsupported,
        StreamUpgradeError::Timeout => OpenError::Timeout,
        StreamUpgradeError::Io(_) => OpenError::Closed,
        StreamUpgradeError::Apply(never) => match *never {},
    }
}

/// What a peer may open streams for.
#[derive(Debug)]
pub(crate) struct Offer(Arc<[Name]>);

impl UpgradeInfo for Offer {
    type Info = Name;
    type InfoIter = Vec<Name>;

    fn protocol_info(&self) -> Vec<Name> {
        self.0.to_vec()
    }
}

impl InboundUpgrade<Stream> for Offer {
    type Output = Negotiated;
    type Error = Infallible;
    type Future = Ready<Result<Negotiated, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, name: Name) -> Self::Future {
        ready(Ok(Negotiated {
            purpose: name.purpose,
            stream,
        }))
    }
}

/// What we ask a peer to open a stream for.
#[derive(Debug)]
pub(crate) struct Request(Name);

impl UpgradeInfo for Request {
    type Info = Name;
    type InfoIter = [Name; 1];

    fn protocol_info(&self) -> [Name; 1] {
        [self.0.clone()]
    }
}

impl OutboundUpgrade<Stream> for Request {
    type Output = Stream;
    type Error = Infallible;
    type Future = Ready<Result<Stream, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, _: Name) -> Self::Future {
        ready(Ok(stream))
    }
}
