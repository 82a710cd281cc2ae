/// What is wrong with a model, its files, or a request to it.
package struct LanguageModelError: Error, CustomStringConvertible, Sendable {
    package enum Code: String, Sendable {
        /// config.json has a wrong, missing or unsupported entry.
        case configuration
        /// A file is missing or cannot be read.
        case file
        /// A tensor is missing, unknown, misshaped or not finite.
        case weights
        /// A caller's argument, such as an empty prompt or one beyond the context.
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
