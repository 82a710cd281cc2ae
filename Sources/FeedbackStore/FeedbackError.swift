/// What went wrong with a feedback store; the message names the file and says what to do.
package struct FeedbackError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// The file cannot be read or written.
        case io
        /// Another server has it.
        case inUse
        /// There is no such store, person or task.
        case notFound
        /// What was given cannot be stored.
        case invalid
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
