/// What a transport refused.
package struct TransportError: Error, Sendable, CustomStringConvertible {
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
}
