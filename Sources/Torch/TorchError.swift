import CTorch

/// What went wrong in libtorch, in a safetensors file, or in the process's set-up.
package struct TorchError: Error, CustomStringConvertible, Sendable {
    package enum Code: String, Sendable {
        /// libtorch refused an operation; the message is its own.
        case libtorch
        /// A safetensors file or its bytes are not as they must be.
        case safetensors
        /// Reading or writing a file failed.
        case file
        /// An argument that this module checks itself.
        case argument
    }

    package let code: Code
    package let message: String
    package let cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package var description: String { message }
}

/// Turns the status of a C call into an error with libtorch's own message.
@inline(__always)
func check(_ status: ctorch_status) throws {
    if status != ctorch_status(CTORCH_OK) { throw TorchError(.libtorch, String(cString: ctorch_error())) }
}
