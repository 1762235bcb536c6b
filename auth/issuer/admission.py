"""Admission to a team server: rules that only narrow what Autodesk and ACC allow anyway."""

from collections.abc import Collection
from dataclasses import dataclass

from auth.issuer.browser_sessions import SignedInPerson
from auth.issuer.errors import NotAdmitted


@dataclass(frozen=True)
class AdmissionPolicy:
    """Rules of who may sign in, which must all hold; an empty one allows all.

    Attributes:
        domains: Domains of e-mail addresses that Autodesk has verified; an address below a domain does not count.
        people: Autodesk ids, and verified e-mail addresses in lower case.
        accounts: Ids of ACC accounts, without `b.`, of which the person must see one.
    """

    domains: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()

    def check_person(self, person: SignedInPerson) -> None:
        """Require that a person is admitted, as far as their identity decides it.

        Raises:
            NotAdmitted: A rule does not hold.
        """
        email = (person.email or "").casefold()
        if self.domains and email.rpartition("@")[2] not in self.domains:
            raise NotAdmitted("the verified e-mail address is of another domain, or there is none")
        if self.people and person.subject not in self.people and (not email or email not in self.people):
            raise NotAdmitted("the person is not on the list")

    def check_accounts(self, accounts: Collection[str]) -> None:
        """Require that a person who sees these ACC accounts is admitted.

        Raises:
            NotAdmitted: None of them is allowed.
        """
        if self.accounts and not self.accounts & {account.removeprefix("b.") for account in accounts}:
            raise NotAdmitted("the person sees none of the allowed ACC accounts, or those have not admitted the app")
