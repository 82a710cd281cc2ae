/// What stops a training stage; the message names the file, line or setting and what to do.
package struct TrainingError: Error, CustomStringConvertible, Sendable {
    package enum Code: String, Sendable {
        /// The data cannot be learned from.
        case data
        /// A setting is outside its range or does not fit the model.
        case setting
        /// Model and tokenizer, or head and trunk, do not belong together.
        case model
        /// Loss or gradient is not finite again and again.
        case diverged
        /// Reading or writing failed: disk full, permissions.
        case io
    }

    package let code: Code
    package let message: String
    package let cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package var description: String {
        cause.map { "\(code.rawValue): \(message) (\($0))" } ?? "\(code.rawValue): \(message)"
    }
}
