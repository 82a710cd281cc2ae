package import ClusterModel

/// A message with what the envelope says of it.
package struct Envelope: Sendable {
    package var protocolVersion: Int
    package var id: UInt64
    /// 0 = answers nothing.
    package var inReplyTo: UInt64
    package var epoch: UInt64
    package var message: Message

    package init(
        protocolVersion: Int = Wire.version, id: UInt64 = 0, inReplyTo: UInt64 = 0, epoch: UInt64 = 0,
        _ message: Message
    ) {
        self.protocolVersion = protocolVersion
        self.id = id
        self.inReplyTo = inReplyTo
        self.epoch = epoch
        self.message = message
    }
}
