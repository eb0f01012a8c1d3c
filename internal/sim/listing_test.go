package sim

import "testing"

func TestListsHaveTheVendorsShapes(t *testing.T) {
	c := newClient(t)
	type model struct {
		ID     string `json:"id"`
		Object string `json:"object"`
		Type   string `json:"type"`
		Name   string `json:"name"`
	}
	var list struct {
		Object string  `json:"object"`
		Data   []model `json:"data"`
		Models []model `json:"models"`
	}
	c.get("/openai/v1/models", &list)
	if list.Object != "list" || len(list.Data) == 0 || list.Data[0].ID == "" || list.Data[0].Object != "model" {
		t.Errorf("%+v", list)
	}
	list.Data = nil
	c.get("/anthropic/v1/models", &list)
	if len(list.Data) == 0 || list.Data[0].Type != "model" {
		t.Errorf("%+v", list)
	}
	c.get("/gemini/v1beta/models", &list)
	if len(list.Models) == 0 || list.Models[0].Name == "" {
		t.Errorf("%+v", list)
	}
}
