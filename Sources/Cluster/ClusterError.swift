/// What goes wrong between processes.
package struct ClusterError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        /// Bytes that are no message of this protocol.
        case malformed
        /// Bytes that are not those that were sent.
        case damaged
        /// A blob that does not have the hash its manifest names, or that nobody serves any more.
        case artifact
    }

    package let code: Code
    package let message: String
    package var description: String { message }

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
