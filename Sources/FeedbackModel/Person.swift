/// Somebody who labels, as far as assignment is concerned. Names stay in the store.
package struct Person: Sendable, Equatable {
    package let id: PersonID
    /// All that leaves the store.
    package let pseudonym: String
    /// Leads see all votes and settle disagreements. They take no entry test.
    package let isLead: Bool
    /// false once the link was revoked.
    package var isActive: Bool
    /// When the person agreed to what is recorded.
    package var consentedAt: UnixMilliseconds?

    package init(
        id: PersonID, pseudonym: String, isLead: Bool = false, isActive: Bool = true,
        consentedAt: UnixMilliseconds? = nil
    ) {
        self.id = id
        self.pseudonym = pseudonym
        self.isLead = isLead
        self.isActive = isActive
        self.consentedAt = consentedAt
    }
}
