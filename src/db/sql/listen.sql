-- name: listen
-- Notifications come over this connection from here on.
-- params: none
-- result: none
LISTEN registry_jobd
