import CZeroMQ
import Foundation

/// What libzmq refused, or what this module refuses before libzmq sees it.
package struct ZeroMQError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        case addressInUse, invalidAddress, notPrivate, terminated, other(Int32)
    }

    package let code: Code
    package let message: String
    package var description: String { message }

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// - Parameter number: `zmq_errno()`, read in the same statement as the call that failed.
    init(number: Int32, _ doing: String) {
        let reason = String(cString: zmq_strerror(number))
        switch number {
        case EADDRINUSE: self.init(.addressInUse, "\(doing): the address is in use")
        case EINVAL, ENODEV, EPROTONOSUPPORT, EADDRNOTAVAIL, ENOENT:
            self.init(.invalidAddress, "\(doing): \(reason)")
        case ETERM: self.init(.terminated, "\(doing): the context is closed")
        default: self.init(.other(number), "\(doing): \(reason)")
        }
    }
}
