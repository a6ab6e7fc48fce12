"""The words that stored values are made of, for the deflating of ``bot.store.codec``.

What was written with a dictionary can be read with no other: a dictionary is never changed. A
better one gets the next number and stands beside it.
"""

from __future__ import annotations

DICTIONARY_1 = (
    b'"kind":"colleague_replied","kind":"answered_by_hand","kind":"undeliverable"'
    b'"kind":"approval_lapsed","kind":"new_route","kind":"degraded","kind":"edited"'
    b'"handoff":{"reason":"no_source","tried":["search_kb","similar_tickets"],"found":["missing":['
    b'"state":"superseded","successor":"p_","state":"rejected","verb":"reject","reason":"'
    b'"state":"expired","state":"unknown","status":"unknown","error":"'
    b'"state":"failed","status":"failed","state":"succeeded","status":"succeeded","receipt":"'
    b'"approvals":[{"verb":"approve","actor":{"surface":"slack","team":"T","id":"U"},"name":"'
    b'"email":"@example.com"},"revision":1,"digest":"'
    b'"decision":{"verb":"approve","actor":{"surface":"teams","team":"","id":"'
    b'"progress":[{"status":"executing","attempt":1,"keys":["'
    b'"claimed_at":"2026-"first_sent_at":"2026-"deadline":"2026-'
    b'"edited":true,"changes":[{"field":"reply","before":"","after":""'
    b'"owner":{"verb":"take","actor":'
    b"Thank you for your message. Thanks for getting in touch. Please let us know if "
    b"We are sorry about the trouble. I am sorry for the inconvenience. You can "
    b"your account, your card, your order, your payment, invoice, refund, the "
    b"Hello, Hi, Best regards, Kind regards, "
    b'{"id":"d_","aliases":["slack:T:C:"],"kind":"message","playbook":"support",'
    b'"origin":{"surface":"webhook","place":"helpdesk","thread":"'
    b'"received_at":"2026-11-22T'
    b'{"id":"t_","tenant":"default","playbook":"support","origin":{"surface":"slack","place":"C0'
    b'","thread":"17","message":"17"},"author":{"surface":"slack","id":"U0","name":"","email":"'
    b'","team":"T0"},"subject":"","messages":[{"id":"17","author":{"surface":"slack","id":"U0'
    b'","text":"","at":"2026-11-22T00:00:00.000000Z","files":["'
    b'"}],"thread":[{"url":"https://","created_at":"2026-12-01T'
    b'","generation":2,"proposal":"p_","runs":1,"colleague_replied":true,"trace_id":"'
    b'{"id":"p_","tenant":"default","ticket":"t_","playbook":"support","playbook_version":"'
    b'","state":"drafting","revision":0,"run":{"id":"r_","generation":1,"starts":1,"not_before":"'
    b'2026-11-22T12:00:00Z","started_at":"2026-11-22T12:00:00.000000Z","ended_at":"2026-11-22T'
    b'Z"},"secret":"","state":"pending","revision":1,"run":{"id":"r_'
    b'"content":{"labels":["'
    b'"],"priority":"normal","route":"default","reply":"'
    b'","actions":[{"tool":"send_reply","args":{"text":"'
    b'"},"target":"the Slack thread","included":true}]},"confidence":"medium","why":"'
    b'","citations":[{"article":"","title":"","quote":"'
    b'","url":"https://","supported":true},{"article":"'
    b'"supported":false}],"marks":[{"kind":"sentence","start":0,"end":'
    b'}],"model":"claude-haiku-5-5","model":"claude-sonnet-5-5","model":"local","cost_usd":"0.00'
    b'","approvals_needed":1,"progress":[{}],"notices":[{"kind":"","text":"'
    b'","created_at":"2026-11-22T12:00:00.000000Z","proposed_at":"2026-11-22T12:00:00.000000Z'
    b'","remind_at":"2026-11-22T12:30:00.000000Z","expires_at":"2026-11-23T12:00:00.000000Z"}'
    b'{"proposal":"p_","copies":[{"place":{"surface":"slack","place":"C0'
    b'","message":"17"},"status":"posted","since":"2026-11-22T12:00:00.000000Z","version":3'
    b',"main":false}],"status_line":{"surface":"slack","place":"C0'
    b'","status_text":"","reaction":"working"}'
)
