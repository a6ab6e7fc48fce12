"""A small bicycle shop's tickets, written for these tests: enough to train and to hold out."""

from __future__ import annotations

DESCRIPTIONS = {
    "billing": "Invoices, charges, refunds",
    "delivery": "Where an order is, late and lost parcels",
    "repair": "Something on a bicycle broke",
    "account": "Signing in, passwords, personal data",
}

_TEXTS = {
    "billing": """
        I was charged twice for the same saddle
        Please send me the invoice for my helmet
        Why is there a fee on my card statement?
        I want my money back for the pump
        The refund for the lock has not shown up yet
        Can I pay by bank transfer instead of card?
        My card was declined at checkout
        You billed me the full price although I had a voucher
        There is an unknown charge of 40 euros from your shop
        How do I get a receipt with VAT on it?
        When will the reimbursement reach my bank?
        The amount on the bill is wrong
        I paid already and still get a payment reminder
        Please refund the cancelled order to my card
        Is there a surcharge for paying with American Express?
    """,
    "delivery": """
        Where is my parcel? It should have come on Monday
        The tracking number does not show anything
        My order has not arrived after two weeks
        The courier says delivered but there is no package
        How long does shipping to Norway take?
        Can I change the delivery address of my order?
        The box came without the pedals
        Will my bicycle be delivered before Friday?
        The parcel is stuck at customs
        I was not at home, when does the driver come again?
        Do you ship frames overseas?
        My package seems to be lost in the post
        When do you dispatch the wheels I ordered?
        Only one of my two parcels was delivered
        Please tell me the expected delivery date
    """,
    "repair": """
        The chain of my new bike broke on the first ride
        My brakes squeak and do not stop the wheel
        The display of the motor shows error 503
        A spoke snapped and the wheel wobbles
        The battery does not charge any more
        The gear shifter is stuck in third gear
        My front light stopped working after the rain
        There is a crack in the frame near the fork
        The pedal fell off, is that under warranty?
        The motor cuts out on steep hills
        My tyre loses air every night
        The saddle post slips down while riding
        Can your workshop fix a bent wheel?
        The rear brake is leaking oil
        The battery lock is broken and cannot be turned
    """,
    "account": """
        I forgot my password and cannot log in
        How do I change the e-mail address of my profile?
        Please delete my account and all my data
        The reset link does not work
        I cannot sign in on my new phone
        My account is locked after too many attempts
        Someone else logged into my profile
        How can I update my phone number?
        I do not get the code for signing in
        Can two people share one login?
        Please change the name on my profile
        The website logs me out all the time
        How do I switch on two-step sign-in?
        I want to unsubscribe and close my profile
        My username is wrong after the wedding
    """,
}

EXAMPLES = tuple(
    (line.strip(), label) for label, lines in _TEXTS.items() for line in lines.strip().splitlines()
)

NEW = (
    ("There are two charges for one order on my card", "billing"),
    ("I need an invoice for my tax return", "billing"),
    ("My money has not been paid back yet", "billing"),
    ("The package has still not come", "delivery"),
    ("When will my order be delivered?", "delivery"),
    ("Tracking shows nothing for my parcel", "delivery"),
    ("The brake on my bike is broken", "repair"),
    ("My motor shows an error and stops", "repair"),
    ("The battery of the bike stopped working", "repair"),
    ("I can't log in, I forgot my password", "account"),
    ("Change the e-mail address in my profile please", "account"),
    ("Delete all data of my account", "account"),
)
"""Tickets that the model has not seen."""
