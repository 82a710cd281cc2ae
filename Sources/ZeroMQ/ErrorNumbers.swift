import CZeroMQ
import Foundation
import Transport

extension TransportError {
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
