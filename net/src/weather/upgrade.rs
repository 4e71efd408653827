//! A multiplexer that speaks over a line under the weather.

use futures::stream::BoxStream;
use futures::{AsyncRead, AsyncWrite};
use libp2p::PeerId;
use libp2p::core::UpgradeInfo;
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade};

use super::line::Line;
use super::{Way, Weather};

/// The upgrade `U` of a connection with a peer, made over a [`Line`].
#[derive(Clone)]
pub(crate) struct Under<U> {
    upgrade: U,
    weather: Weather,
    peer: PeerId,
}

impl<U> Under<U> {
    pub(crate) const fn new(upgrade: U, weather: Weather, peer: PeerId) -> Self {
        Self {
            upgrade,
            weather,
            peer,
        }
    }

    fn way(&self) -> BoxStream<'static, Way> {
        self.weather.to(self.peer)
    }
}

impl<U: UpgradeInfo> UpgradeInfo for Under<U> {
    type Info = U::Info;
    type InfoIter = U::InfoIter;

    fn protocol_info(&self) -> Self::InfoIter {
        self.upgrade.protocol_info()
    }
}

impl<C, U> InboundConnectionUpgrade<C> for Under<U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: InboundConnectionUpgrade<Line<C>>,
{
    type Output = U::Output;
    type Error = U::Error;
    type Future = U::Future;

    fn upgrade_inbound(self, socket: C, info: Self::Info) -> Self::Future {
        let line = Line::new(socket, self.way());
        self.upgrade.upgrade_inbound(line, info)
    }
}

impl<C, U> OutboundConnectionUpgrade<C> for Under<U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: OutboundConnectionUpgrade<Line<C>>,
{
    type Output = U::Output;
    type Error = U::Error;
    type Future = U::Future;

    fn upgrade_outbound(self, socket: C, info: Self::Info) -> Self::Future {
        let line = Line::new(socket, self.way());
        self.upgrade.upgrade_outbound(line, info)
    }
}
