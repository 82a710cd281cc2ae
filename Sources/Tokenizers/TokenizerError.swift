/// What went wrong with a tokenizer file, a pattern or a chat template.
package struct TokenizerError: Error, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// A file is not there or cannot be read.
        case file
        /// The bytes are not JSON.
        case syntax
        /// JSON, but not what the format says: a wrong type, a missing key, an id out of range.
        case format
        /// A key, type or option that this build does not implement; nothing is ignored silently.
        case unsupported
        /// A chat template that cannot be parsed or rendered.
        case template
    }

    package let code: Code
    /// Names the file, key or line, and what to do where that helps.
    package let message: String
    package let cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package var description: String {
        guard let cause else { return message }
        return "\(message): \(cause)"
    }
}
