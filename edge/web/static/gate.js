// A mail leads to /#event=ID: the form keeps that address, so that the page opens the event after the log-in too.
for (const form of document.forms) form.action += location.hash;
